import type { LogSignature } from "../signature.ts";

/** Memory of NPUs and hosts, and disks. */
export const memory: readonly LogSignature[] = [
  {
    code: "LS301",
    severity: "error",
    rank: "cause",
    title: "the NPU's memory is full",
    pattern:
      /(?:NPU|CUDA) out of memory|(?<![\w-])EL00(?:04|19)(?![\w-])|(?:error code(?: is|:)|runtime result =) ?2070(?:01|18)(?!\d)|NPU error, error code is 507899/,
    cause:
      "Weights, KV cache and what a step needs do not fit: too long a context or batch, or another process on the same NPU.",
    fix: "lower --gpu-memory-utilization, maxModelLen or maxNumBatchedTokens, give the instance more NPUs, and see that nobody else is on them (HC205); PYTORCH_NPU_ALLOC_CONF=expandable_segments:True against fragments",
    source: "https://github.com/vllm-project/vllm-ascend/issues/1987",
  },
  {
    code: "LS302",
    severity: "error",
    rank: "cause",
    title: "the weights leave no memory for a KV cache",
    pattern:
      /No available memory for the cache blocks|Loaded weights leave no (?:GPU|NPU) memory for the KV cache/,
    cause:
      "--gpu-memory-utilization is a part of the whole NPU, and the weights and the largest step take all of it.",
    fix: "raise --gpu-memory-utilization, use more NPUs or quantized weights, or lower maxNumBatchedTokens",
    source: "https://docs.vllm.ai/en/latest/configuration/conserving_memory/",
  },
  {
    code: "LS303",
    severity: "error",
    rank: "cause",
    title: "the KV cache is too small for one request of maxModelLen",
    pattern:
      /To serve at least one request with the model'?s'?s? max seq len \(\d{1,12}\)|max seq len \(\d{1,12}\) is larger than the maximum number of tokens that can be stored in KV cache/,
    cause: "What is left of the NPU's memory holds fewer tokens than `model.maxModelLen`.",
    fix: "lower `model.maxModelLen` to the estimate in the message, raise --gpu-memory-utilization, or use more NPUs",
    source: "https://docs.vllm.ai/en/latest/configuration/conserving_memory/",
  },
  {
    code: "LS304",
    severity: "error",
    rank: "cause",
    title: "something else fills the NPU before the engine starts",
    pattern: /Free memory on device ([^\n]{0,80}?)is less than desired GPU memory utilization/,
    cause: "Another container or process is on the NPU, or the one before has not yet let go of it.",
    fix: "`npu-smi info` on the host says which process; `ascend-pd doctor` too (HC203, HC205)",
    source: "https://github.com/vllm-project/vllm-ascend/blob/main/vllm_ascend/worker/worker.py",
  },
  {
    code: "LS305",
    severity: "error",
    rank: "cause",
    title: "somebody else let go of NPU memory while the engine measured it",
    pattern: /Error in memory profiling\. Initial free memory/,
    cause: "A process that shares the NPU ended meanwhile, often the instance's own predecessor.",
    fix: "start it again when nothing else is on the NPU",
    source: "https://github.com/vllm-project/vllm/blob/main/vllm/v1/worker/gpu_worker.py",
  },
  {
    code: "LS306",
    severity: "error",
    rank: "cause",
    title: "the NPU has too few streams for the graphs",
    pattern:
      /(?<![\w-])EL0009(?![\w-])|Stream resources are insufficient|(?:error code(?: is|:)|runtime result =) ?207008(?!\d)/,
    cause: "Each captured graph takes streams, and many sizes by many layers take more than there are.",
    fix: "fewer cudagraph_capture_sizes, cudagraph_mode FULL_DECODE_ONLY, or a newer driver and CANN",
    source: "https://docs.vllm.ai/projects/ascend/en/latest/faqs.html",
  },
  {
    code: "LS307",
    severity: "error",
    rank: "cause",
    title: "/dev/shm of the container is too small",
    pattern:
      /Bus error|(?:unable to (?:write to|open|resize) (?:file|shared memory object) <?\/?(?:dev\/shm\/)?(?:torch_|psm_)[\w.]{0,60})|\/dev\/shm(?:\/[\w.]{1,60})?([^\n]{0,40}?)No space left on device|No space left on device: '\/dev\/shm/,
    cause: "Workers of one instance exchange data there, and Docker gives 64 MiB unless told otherwise.",
    fix: "raise `engine.sharedMemory` in the stack file",
    source: "https://docs.docker.com/reference/cli/docker/container/run/#shm-size",
  },
  {
    code: "LS308",
    severity: "error",
    rank: "cause",
    title: "a disk is full",
    pattern: /(?<!\/(?:dev\/shm|torch_|psm_)[^\n]{0,60})No space left on device(?!: '\/dev\/shm)/,
    cause:
      "Docker's storage, the logs of CANN (/root/ascend/log), or a cache of kernels or weights has filled a disk of the host.",
    fix: "`df -h` and `docker system df` on the host; make room, then start the instance again (HC106)",
    source: "https://docs.docker.com/reference/cli/docker/system/df/",
  },
  {
    code: "LS309",
    severity: "error",
    rank: "cause",
    title: "the host's memory is full",
    pattern:
      /DefaultCPUAllocator: can't allocate memory|DefaultCPUAllocator: not enough memory|std::bad_alloc|\[Errno 12\] Cannot allocate memory|\bMemoryError(?![\w(.])|JavaScript heap out of memory/,
    cause:
      "Weights that are being loaded, KV caches offloaded to the host or other programs take all of its memory.",
    fix: "`free -g` on the host; load fewer instances at once, offload less, or limit what else runs there",
    source: "https://docs.docker.com/engine/containers/resource_constraints/",
  },
];
