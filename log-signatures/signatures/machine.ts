import type { LogSignature } from "../signature.ts";

/** What a container has of its host: driver, devices, limits; and whether its image fits it. */
export const machine: readonly LogSignature[] = [
  {
    code: "LS101",
    severity: "error",
    rank: "cause",
    title: "the driver's libraries are not in the container",
    pattern:
      /lib(?:ascend_hal|drvdsmi_host|dcmi|mmpa|c_sec|ascend_kms)[\w.]{0,20}: cannot open shared object file/,
    cause: "/usr/local/Ascend/driver is not mounted from the host, or is empty there.",
    fix: "install the driver on the host; `ascend-pd doctor` says whether /usr/local/Ascend/driver is there (HC501)",
    source: "https://github.com/vllm-project/vllm-ascend/issues/1440",
  },
  {
    code: "LS102",
    severity: "error",
    rank: "cause",
    title: "CANN's libraries are not found",
    pattern:
      /lib(?:ascendcl|hccl|atb|torch_npu|opapi|runtime|ge_runner|nnopbase|acl_op_compiler|vllm_ascend_kernels|profapi)[\w.]{0,20}: cannot open shared object file/,
    cause:
      "The image has no CANN or NNAL, or its environment (set_env.sh of both) is not set where the engine starts.",
    fix: "use an image of vllm-ascend as it is published; in one of your own, source ascend-toolkit/set_env.sh and nnal/atb/set_env.sh before the engine",
    source: "https://github.com/vllm-project/vllm-ascend/issues/152",
  },
  {
    code: "LS103",
    severity: "error",
    rank: "cause",
    title: "torch_npu and CANN are of different versions",
    pattern:
      /(?:libtorch_npu|libop_plugin_atb|libatb|libtbe_adapter|libopapi|libascendcl|vllm_ascend_C)[\w.-]{0,60}: undefined symbol/,
    cause: "A library was built against another CANN, NNAL or torch than the image has.",
    fix: "use an image as it is published, whose versions belong together, or install those that the release notes of vllm-ascend name",
    source: "https://github.com/Ascend/pytorch/issues/99",
  },
  {
    code: "LS104",
    severity: "error",
    rank: "cause",
    title: "vLLM finds no NPU platform",
    pattern: /Failed to infer device type|RuntimeError: Device string must not be empty/,
    cause: "The image has no vllm-ascend plugin, or torch_npu cannot be loaded: no driver, no CANN.",
    fix: "name an image of vllm-ascend in the stack file; `docker exec` and `python3 -c 'import torch_npu'` says what is missing",
    source: "https://github.com/vllm-project/vllm-ascend/issues/262",
  },
  {
    code: "LS105",
    severity: "error",
    rank: "cause",
    title: "the driver is too old for the image's CANN",
    pattern:
      /(?<![\w-])EE1015(?![\w-])|driver version capacity is insufficient|error code(?: is|:) ?207019(?!\d)|driver version (?:is too low|does not match|mismatch)/i,
    cause: "CANN asks the driver for something that came with a later one.",
    fix: "upgrade driver and firmware of the host to what the image's CANN wants, or take an image with an older CANN",
    source:
      "https://www.hiascend.com/document/detail/zh/canncommercial/900/maintenref/troubleshooting/atlaserrorcode_15_0391.html",
  },
  {
    code: "LS106",
    severity: "error",
    rank: "cause",
    title: "CANN cannot initialise its compiler",
    pattern: /AclSetCompileopt\(([^\n]{0,160}?)\), error code is 500001/,
    cause:
      "CANN's kernels for this chip, or a Python package that its compiler needs, are missing or of another version.",
    fix: "take the image that is published for the chip (910b, A3, 310P); in one of your own install the kernels package of the same CANN",
    source: "https://github.com/vllm-project/vllm-ascend/issues/2244",
  },
  {
    code: "LS107",
    severity: "error",
    rank: "cause",
    title: "an NPU cannot be started",
    pattern:
      /error ?code(?: is|:| =|=) ?507033(?!\d)|open device \d{1,3} failed, runtime result = (?!107001)\d{6}|Failed to start the device\./i,
    cause:
      "The driver on the host and the CANN of the image do not fit, or the NPU is held by another process or in a fault.",
    fix: "`npu-smi info` on the host: health OK, no other process; `ascend-pd doctor` looks at it (HC203, HC205, HC304); then compare driver and CANN",
    source: "https://github.com/vllm-project/vllm-ascend/issues/1558",
  },
  {
    code: "LS108",
    severity: "error",
    rank: "cause",
    title: "the engine wants an NPU that its container does not have",
    pattern:
      /Set visible device failed, invalid device=\d{1,3}|set ASCEND_RT_VISIBLE_DEVICES:\[[\d,]{1,80}\] error|(?:runtime result =|error code is) ?107001(?!\d)|local rank \d{1,4} is out of bounds for|must be less than or equal to the number of visible devices/,
    cause:
      "Parallel sizes ask for more NPUs than the stack file gives the instance, or ASCEND_RT_VISIBLE_DEVICES counts as the host does.",
    fix: "let `devices` have as many NPUs as the parallel sizes multiply to, and leave ASCEND_RT_VISIBLE_DEVICES to the plan",
    source: "https://github.com/vllm-project/vllm-ascend/issues/167",
  },
  {
    code: "LS109",
    severity: "error",
    rank: "cause",
    title: "the device management (DCMI) cannot be initialised",
    pattern: /dcmi mod(?:ule|el) initialized? failed(?:, because the device is used)?\. ret is -\d{1,6}/,
    cause:
      "Another container holds the NPUs, or /dev/davinci_manager, /dev/devmm_svm or /dev/hisi_hdc are not in this one.",
    fix: "`ascend-pd doctor` names who holds them (HC203, HC204) and manager nodes that are missing (HC202)",
    source: "https://github.com/vllm-project/vllm-ascend/issues/2698",
  },
  {
    code: "LS110",
    severity: "error",
    rank: "cause",
    title: "device nodes may not be opened",
    pattern:
      /(?<![\w-])EL0007(?![\w-])|\/dev\/(?:davinci\w{0,10}|devmm_svm|hisi_hdc)([^\n]{0,60}?)(?:Permission denied|Operation not permitted)|(?:Permission denied|Operation not permitted)([^\n]{0,40}?)\/dev\/(?:davinci\w{0,10}|devmm_svm|hisi_hdc)/,
    cause:
      "The user of the container is not in the group that the driver's installation gave the nodes to, or they came in without a device rule.",
    fix: "run the engine as root or as a user of that group (`ls -l /dev/davinci0`), with the devices that the plan gives",
    source:
      "https://www.hiascend.com/document/detail/zh/canncommercial/80RC22/developmentguide/maintenref/troubleshooting/atlaserrorcode_15_0263.html",
  },
  {
    code: "LS111",
    severity: "error",
    rank: "cause",
    title: "the image is for another chip",
    pattern:
      /socversion \w{1,30} of bin package does not match the current device socverison|Cannot find option named 'Ascend\w{1,20}'/,
    cause: "vllm-ascend is published for each chip, and this is the image of another.",
    fix: "take the tag for the chip that `npu-smi info` names: without a suffix for A2, -a3, -310p",
    source: "https://github.com/vllm-project/vllm-ascend/issues/6676",
  },
  {
    code: "LS112",
    severity: "error",
    rank: "cause",
    title: "the image lacks the program that it is to run",
    pattern:
      /executable file not found in \$PATH|\[FATAL tini \(\d{1,7}\)\] exec [\w./-]{1,80} failed: No such file or directory|exec: "?[\w./-]{1,80}"?: (?:not found|no such file or directory)|exec "?[\w./-]{1,80}"?: (?:not found|no such file or directory)/i,
    cause:
      "The command of the container is not in this image: another image, or another entry point, was meant.",
    fix: "correct `image` in the stack file; `docker run --rm --entrypoint sh IMAGE -c 'command -v vllm'` says whether it has the program",
    source: "https://docs.docker.com/engine/containers/run/#exit-status",
  },
  {
    code: "LS113",
    severity: "error",
    rank: "cause",
    title: "the image is for another processor",
    pattern: /exec format error|exec user process caused: exec format error/i,
    cause: "An amd64 image on an arm64 host, or the other way round. Most Ascend hosts are arm64.",
    fix: "load or pull the image for the host's architecture (`docker image inspect -f '{{.Architecture}}'`, HC107)",
    source: "https://docs.docker.com/build/building/multi-platform/",
  },
  {
    code: "LS114",
    severity: "warning",
    rank: "cause",
    title: "a library wants a newer C library than the image has",
    pattern: /version `(?:GLIBC|GLIBCXX|CXXABI)_[\d.]{1,10}' not found/,
    cause:
      "Something was built on a newer system than that of the image. vllm-ascend goes on without its own operators then, more slowly.",
    fix: "use an image as it is published, or build for the system of the image",
    source: "https://github.com/vllm-project/vllm-ascend/issues/1249",
  },
  {
    code: "LS115",
    severity: "error",
    rank: "cause",
    title: "a library finds no room in the static TLS block",
    pattern: /cannot allocate memory in static TLS block/,
    cause:
      "On arm64 libgomp, libjemalloc or libtcmalloc was loaded too late, after others had used the block up.",
    fix: "name the library of the message in LD_PRELOAD of the instance's environment",
    source: "https://github.com/dmlc/xgboost/issues/8488",
  },
  {
    code: "LS116",
    severity: "error",
    rank: "cause",
    title: "no further thread or process can be started",
    pattern:
      /can't start new thread|blas_thread_init: pthread_create failed|OMP: Error #\d{1,4}|libgomp: Thread creation failed/,
    cause:
      "The limit of processes (`ulimit -u`, pids of the container) is reached, OMP_NUM_THREADS is far too high, or a Docker Engine before 20.10.10 refuses clone3.",
    fix: "set OMP_NUM_THREADS to some ten, raise the limit, and see HC103 of `ascend-pd doctor`",
    source: "https://docs.docker.com/engine/release-notes/20.10/#201010",
  },
  {
    code: "LS117",
    severity: "error",
    rank: "cause",
    title: "too many files are open",
    // vLLM warns of the limit at every start, and quotes the error.
    pattern: /(?<!errors like `OSError: \[Errno 24\] )Too many open files/,
    cause:
      "The limit of open files of the Docker Engine or the container is too low for the connections and shards at hand.",
    fix: "raise nofile: `default-ulimits` in /etc/docker/daemon.json, or LimitNOFILE of the docker service",
    source: "https://docs.docker.com/reference/cli/dockerd/#default-ulimit-settings",
  },
  {
    code: "LS118",
    severity: "error",
    rank: "cause",
    title: "vLLM and vllm-ascend do not belong together",
    pattern:
      /Invalid vllm version [\w.+-]{1,60} found|cannot import name '\w{1,80}' from '(?:vllm|torch_npu)[\w.]{0,120}'|No module named '(?:torch_npu|vllm_ascend)[\w.]{0,80}'/,
    cause: "The plugin calls what this vLLM does not have: one of the two was installed by itself.",
    fix: "use an image as it is published; each vllm-ascend is for one vLLM. For a vLLM of your own build set VLLM_VERSION to X.Y.Z",
    source: "https://docs.vllm.ai/projects/ascend/en/latest/faqs.html",
  },
];
