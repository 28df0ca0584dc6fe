import type { LogSignature } from "../signature.ts";

/** By what the engine shows that something went wrong, when that itself stands elsewhere. */
export const engine: readonly LogSignature[] = [
  {
    code: "LS801",
    severity: "error",
    rank: "symptom",
    title: "the engine could not start",
    pattern: /Engine core initialization failed|EngineCore failed to start|Failed core proc\(s\)/,
    cause: "A worker or the core ended while it started; its own error stands before.",
    fix: "mend what is named with it; without that, read the first traceback of the last start",
    source: "https://github.com/vllm-project/vllm/blob/main/vllm/v1/engine/utils.py",
  },
  {
    code: "LS802",
    severity: "error",
    rank: "symptom",
    title: "a worker of the engine ended",
    pattern:
      /Worker(?:Proc|Wrapper)? (?:proc )?[\w.-]{0,60}? ?died unexpectedly|WorkerProc (?:failed to start|initialization failed|hit an exception)/,
    cause: "One rank failed, or was killed; its own error stands before, or the kernel's log has it.",
    fix: "mend what is named with it; `dmesg` on the host says whether the kernel killed it for memory",
    source: "https://github.com/vllm-project/vllm/blob/main/vllm/v1/executor/multiproc_executor.py",
  },
  {
    code: "LS803",
    severity: "error",
    rank: "symptom",
    title: "the engine died while it served",
    pattern:
      /EngineDeadError|EngineCore encountered (?:an issue|a fatal error)|Engine core proc [\w-]{1,60} died unexpectedly/,
    cause: "An error in a step ends the core; all requests in it fail and /health gives 503.",
    fix: "mend what is named with it; without that, read the first traceback",
    source: "https://github.com/vllm-project/vllm-ascend/issues/2349",
  },
  {
    code: "LS804",
    severity: "error",
    rank: "symptom",
    title: "a rank did not answer its engine in time",
    pattern: /RPC call to \w{1,60} timed out|TimeoutError: RPC call|execute_model timed out/,
    cause:
      "It waits for another rank in a collective operation, or compiles for longer than VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS.",
    fix: "find the rank that failed or hangs; for a first long compilation raise that variable",
    source: "https://github.com/vllm-project/vllm/blob/main/vllm/v1/executor/multiproc_executor.py",
  },
  {
    code: "LS805",
    severity: "warning",
    rank: "symptom",
    title: "the ranks wait for each other for minutes",
    pattern: /No available shared memory broadcast block found in \d{1,5} seconds/,
    cause: "Normal while weights load or graphs are compiled; on an instance that serves, a rank hangs.",
    fix: "if it goes on, `npu-smi info` shows which NPU does nothing, and `py-spy dump` of that process where it waits",
    source: "https://github.com/vllm-project/vllm-ascend/issues/12487",
  },
  {
    code: "LS806",
    severity: "error",
    rank: "consequence",
    title: "a process crashed",
    pattern:
      /Segfault encountered|Segmentation fault|Fatal Python error: (?:Segmentation|Aborted|Bus|Illegal)[\w ]{0,30}|\(core dumped\)|Aborted \(core/,
    cause:
      "A fault in native code: CANN, torch_npu, Mooncake or the driver; often versions that do not belong together.",
    fix: "the lines below name the library; compare versions of driver, CANN and image, and report it there",
    source: "https://docs.python.org/3/library/faulthandler.html",
  },
  {
    code: "LS807",
    severity: "error",
    rank: "symptom",
    title: "vLLM stumbled over a transfer that had failed before",
    pattern: /in _handle_failed_transfer/,
    cause: "An IndexError there hides why the transfer failed.",
    fix: "mend the transfer: LS709, LS710",
    source: "https://github.com/gpustack/gpustack/blob/main/gpustack/worker/pd_diagnostics.py",
  },
];
