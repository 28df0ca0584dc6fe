import type { LogSignature } from "../signature.ts";

const troubleshooting =
  "https://www.hiascend.com/document/detail/zh/canncommercial/900/maintenref/troubleshooting/";
const guide = "https://www.hiascend.com/document/detail/zh/canncommercial/900/API/hcclug/";

/** What HCCL says: the NPUs' own network, by its error codes and the words of its log. */
export const hccl: readonly LogSignature[] = [
  {
    code: "LS501",
    severity: "error",
    rank: "cause",
    title: "a variable of HCCL has a value that it does not take (EI0001)",
    pattern: /(?<![\w-])EI0001(?![\w-])(?:([^\n]{0,120}?)environment variable \w{1,40})?/,
    cause:
      "For example HCCL_IF_IP=localhost: it takes an address, HCCL_SOCKET_IFNAME an interface, and times are whole seconds.",
    fix: "correct or drop the variable that the line names in the engine's environment; the plan sets those that are needed",
    source: `${guide}hcclug_000029.html`,
  },
  {
    code: "LS502",
    severity: "error",
    rank: "consequence",
    title: "a collective operation timed out (EI0002)",
    pattern:
      /(?<![\w-])EI0002(?![\w-])|Notify register (?:waits for execution|times out)|The wait execution of the Notify register times out/,
    cause: "Another rank ended, hangs or is far slower, or packets are lost between the NPUs.",
    fix: "find the rank that failed first, in the logs of all instances, and mend that; HCCL_EXEC_TIMEOUT only makes it wait longer",
    source: `${troubleshooting}atlaserrorcode_15_0242.html`,
  },
  {
    code: "LS503",
    severity: "error",
    rank: "cause",
    title: "the rank table is not right (EI0004, EI0014)",
    pattern:
      /(?<![\w-])(?:EI0004|EI0014)(?![\w-])|Config_Error_Ranktable(?:\(E\d{5}\))?|Failed to parse (?:the )?rank ?table|rank ?table (?:file )?(?:is invalid|path is invalid|check failed)/i,
    cause:
      "A rank table was edited by hand, is that of another layout, or does not fit the NPUs that the process has.",
    fix: "let the plan write it (`pulumi up`); `ascend-pd ranktable check` says what is wrong with one that you have",
    source: `${guide}hcclug_000039.html`,
  },
  {
    code: "LS504",
    severity: "error",
    rank: "cause",
    title: "ranks call the same operation with different arguments (EI0005)",
    pattern: /(?<![\w-])EI0005(?![\w-])/,
    cause: "Instances or ranks that work together were started with different settings or versions.",
    fix: "the same image and arguments for all ranks of an instance",
    source: `${guide}hcclug_000047.html`,
  },
  {
    code: "LS505",
    severity: "error",
    rank: "consequence",
    title: "HCCL could not connect in time (EI0006)",
    pattern: /(?<![\w-])EI0006(?![\w-])|Getting socket times out|wait socket establish timeout/,
    cause:
      "The other NPU's process ended or came late, or there is no way between them: link down, other network, TLS on one side only.",
    fix: "mend what the other instances' logs say first; then `ascend-pd doctor` looks at links, addresses and TLS (HC401 to HC406). Only where all report it far apart in time: HCCL_CONNECT_TIMEOUT",
    source: `${guide}hcclug_000050.html`,
  },
  {
    code: "LS506",
    severity: "error",
    rank: "cause",
    title: "HCCL's resources are exhausted (EI0007, EI0011)",
    pattern: /(?<![\w-])(?:EI0007|EI0011)(?![\w-])/,
    cause:
      "Each communicator takes HCCL_BUFFSIZE of NPU memory, twice, and a notify register; there are too many or they are too large.",
    fix: "lower HCCL_BUFFSIZE or --gpu-memory-utilization",
    source: `${troubleshooting}atlaserrorcode_15_0247.html`,
  },
  {
    code: "LS507",
    severity: "error",
    rank: "cause",
    title: "CANN is not of the same version everywhere (EI0008)",
    pattern: /(?<![\w-])EI0008(?![\w-])|The CANN versions are inconsistent/,
    cause: "Two instances, or ranks, that talk to each other run images with different CANN.",
    fix: "the same image, by digest, for prefill and decode on all hosts",
    source:
      "https://www.hiascend.com/document/detail/zh/canncommercial/83RC1/maintenref/troubleshooting/atlaserrorcode_15_0248.html",
  },
  {
    code: "LS508",
    severity: "error",
    rank: "consequence",
    title: "a link between two NPUs could not be made (EI0009, EI0010)",
    pattern:
      /(?<![\w-])(?:EI0009|EI0010)(?![\w-])|Transport init error|\[Create\]\[DestLink\]Create Dest error/,
    cause:
      "The process of the other NPU ended or has another view of the cluster, or HCCS or RoCE between them does not work.",
    fix: "look at the log of the other side; then at the link (HC403, HC404)",
    source: "https://github.com/vllm-project/vllm-ascend/issues/3162",
  },
  {
    code: "LS509",
    severity: "error",
    rank: "cause",
    title: "the NPUs' network loses packets (EI0012, EI0013)",
    pattern: /(?<![\w-])(?:EI0012|EI0013)(?![\w-])|error cqe status: ?\w{1,10}|Error ROCE CQE/i,
    cause:
      "RoCE repeated a packet to its limit: a port that flaps, optics, a switch without flow control, or a peer that ended.",
    fix: "see first whether the peer ended; then `hccn_tool -i N -link_stat -g` and `-stat -g` on both hosts, cables, optics and PFC of the switch",
    source: `${troubleshooting}atlaserrorcode_15_0349.html`,
  },
  {
    code: "LS510",
    severity: "error",
    rank: "consequence",
    title: "ranks did not find each other over the hosts' network (EI0015)",
    pattern:
      /(?<![\w-])EI0015(?![\w-])|topo exchange server get socket timeout|TopoDetect ERROR occur|Failed to connect agent\[/,
    cause:
      "Some ranks never started, or HCCL_SOCKET_IFNAME or HCCL_IF_IP is an interface by which the others are not reached.",
    fix: "mend ranks that failed; then set the hosts' network interface in the stack file to that which connects them",
    source:
      "https://www.hiascend.com/document/detail/en/canncommercial/850/commlib/hcclug/hcclug_000036.html",
  },
  {
    code: "LS511",
    severity: "error",
    rank: "cause",
    title: "a port of HCCL is in use (EI0019, EI0020, EJ0003)",
    pattern:
      /(?<![\w-])(?:EI0019|EI0020|EJ0003)(?![\w-])|Failed to bind the IP port|listen on ip\[[\w.:%]{1,60}\] and (?:specific )?port\[\d{1,5}\] fail|host nic listen start failed, port\[\d{1,5}\]|HcclGetRootInfo\(&hcclID\), error code is (?:7|11)(?!\d)/,
    cause:
      "Two instances of one host, or a second process on an NPU, want the same ports: 60000 to 60031 of the host and 16666 of the NPU unless told otherwise.",
    fix: "a base port of HCCL for each instance of a host, as the plan sets it (HCCL_IF_BASE_PORT, HCCL_NPU_SOCKET_PORT_RANGE); stop what else uses the NPU (HC205, HC603)",
    source:
      "https://www.hiascend.com/document/detail/en/canncommercial/850/commlib/hcclug/hcclug_000035.html",
  },
  {
    code: "LS512",
    severity: "error",
    rank: "cause",
    title: "the process before still holds the NPU's network (EJ0001)",
    pattern: /(?<![\w-])EJ0001(?![\w-])|Failed to initialize the HCCP process/,
    cause: "An engine ended a moment ago, or by SIGKILL, and the driver has not cleared up after it.",
    fix: "wait ten seconds and start again; if it stays, look for processes on the NPU (`npu-smi info`, HC205)",
    source:
      "https://www.hiascend.com/document/detail/zh/canncommercial/850/maintenref/troubleshooting/atlaserrorcode_15_0252.html",
  },
  {
    code: "LS513",
    severity: "error",
    rank: "cause",
    title: "a device IP is not that of the NPU (EJ0004)",
    pattern: /(?<![\w-])EJ0004(?![\w-])|in the ranktable is inconsistent with the IP/,
    cause:
      "`deviceIps` in the stack file, or a rank table, has an address that the NPU does not (any more) have.",
    fix: "`hccn_tool -i N -ip -g` says which it has; `ascend-pd doctor` compares all (HC401), `ascend-pd ranktable gen` writes them",
    source:
      "https://www.hiascend.com/document/detail/zh/CANNCommunityEdition/850/commlib/hcclug/hcclug_000043.html",
  },
  {
    code: "LS514",
    severity: "error",
    rank: "consequence",
    title: "HCCL or HCCP failed with another code",
    pattern:
      /(?<![\w-])EI0(?!001|002|004|005|006|007|008|009|010|011|012|013|014|015|019|020)\d{3}(?![\w-])|(?<![\w-])EJ0(?!001|003|004)\d{3}(?![\w-])|HCCL function error: \w{1,60}(?:\([^)\n]{0,60}\))?, error code is (?!7(?!\d)|11(?!\d))\d{1,6}/,
    cause: "The code says what; the lines below it have a reason and a solution of their own.",
    fix: "look the code up at the source, and read the first [ERROR] HCCL line in the container's /root/ascend/log",
    source:
      "https://www.hiascend.com/doc_center/source/zh/CANNCommunityEdition/81RC1beta1/maintenref/troubleshooting/atlaserrorcode_15_0240.html",
  },
];
