import type { LogSignature } from "../signature.ts";

/** aclrt's error codes. */
const codes =
  "https://www.hiascend.com/document/detail/zh/canncommercial/900/API/runtimeapi/aclcppdevg_03_1345.html";

/** What an NPU, and CANN's runtime, say while it works. */
export const npu: readonly LogSignature[] = [
  {
    code: "LS601",
    severity: "error",
    rank: "consequence",
    title: "an operator failed or hung on an AI core",
    pattern:
      /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?5070(?:14|15|16|34|35|36|42|43|44|45|48|49|50)(?!\d)|there is an(?: exception of)? (?:aivec|aicore|fftsplus aivector|fftsplus aicore) error/i,
    cause:
      "An operator got a shape or an address that it cannot work on: mostly a fault of vllm-ascend, CANN or the model's support, at times another rank that ended.",
    fix: "look for the first error of all ranks; try without graphs (--enforce-eager) and the newest vllm-ascend, and report it there with the plog",
    source: "https://github.com/vllm-project/vllm-ascend/issues/5661",
  },
  {
    code: "LS602",
    severity: "error",
    rank: "consequence",
    title: "an operator failed or hung on the AI CPU",
    pattern:
      /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507(?:017|018|900)(?!\d)|aicpu (?:exception|timeout)/i,
    cause:
      "Often HCCL's own operator, when another rank is gone or a link is down; else an AI CPU package of another CANN.",
    fix: "see first whether HCCL, or another rank, reported anything earlier; then compare CANN and driver",
    source: codes,
  },
  {
    code: "LS603",
    severity: "error",
    rank: "consequence",
    title: "a captured graph failed while it ran (507011)",
    pattern: /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507011(?!\d)/i,
    cause: "An operator in it failed; the cause stands before, in this rank's log or another's.",
    fix: "read the first error of all ranks; --enforce-eager says which operator it is",
    source: "https://github.com/vllm-project/vllm-ascend/issues/7676",
  },
  {
    code: "LS604",
    severity: "error",
    rank: "consequence",
    title: "an NPU did not end its work in time (507012, 507046)",
    pattern: /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507(?:012|046|047)(?!\d)/i,
    cause: "Most often a collective operation that waits for a rank which is gone.",
    fix: "find the rank that failed first, in the logs of all instances",
    source: codes,
  },
  {
    code: "LS605",
    severity: "error",
    rank: "cause",
    title: "an NPU's memory is defective",
    pattern:
      /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507(?:053|054|055)(?!\d)|HBM (?:multi[- ]bit |MULTI BIT )?(?:ECC|UCE)[\w ]{0,20}(?:error|fault)|uncorrectable ECC error/i,
    cause: "The memory had an error that its check bits could not correct.",
    fix: "take the NPU out of the stack file; `npu-smi info -t ecc -i CARD` counts such errors. Reset it, and have it replaced when they come again",
    source: codes,
  },
  {
    code: "LS606",
    severity: "error",
    rank: "consequence",
    title: "the link to another NPU, or that NPU's memory, failed (507056, 507057)",
    pattern: /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507(?:056|057)(?!\d)/i,
    cause: "The process of the other NPU ended and its memory with it, or the link between the two broke.",
    fix: "see whether the other instance ended first; if not, look at the links (HC403, HC404)",
    source: codes,
  },
  {
    code: "LS607",
    severity: "error",
    rank: "consequence",
    title: "the driver refused a call of the runtime",
    pattern:
      /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507899(?!\d)|\[drv api\] ?\w{1,60} failed[:,]?([^\n]{0,80}?)drv_?ret_?code ?= ?\d{1,6}/i,
    cause: "Too little memory on host or NPU, an NPU that dropped out, or a driver that does not fit.",
    fix: "`dmesg` and `npu-smi info` on the host; then compare driver and CANN",
    source: "https://github.com/vllm-project/vllm-ascend/issues/8186",
  },
  {
    code: "LS608",
    severity: "error",
    rank: "cause",
    title: "an NPU has dropped out",
    pattern:
      /(?:error ?code(?: is|:| ?=)|errorcode:|runtime result =|failed:) ?507(?:001|010|901)(?!\d)|Device\[\d{1,3}\] lost heartbeat|(?<![\w-])EL0001(?![\w-])|NPU card health status is not OK/i,
    cause:
      "The NPU or its scheduler does not answer the host any more: a fault of hardware, firmware or power.",
    fix: "`npu-smi info` on the host (HC303, HC304); reset the NPU or the host, and take it out of the stack file when it comes again",
    source: "https://github.com/vllm-project/vllm-ascend/issues/8186",
  },
  {
    code: "LS609",
    severity: "error",
    rank: "cause",
    title: "an NPU is busy (EL0005)",
    pattern: /(?<![\w-])EL0005(?![\w-])/,
    cause: "It is held by another process, or being reset.",
    fix: "wait, then see who has it: `npu-smi info`, HC203 and HC205 of `ascend-pd doctor`",
    source:
      "https://www.hiascend.com/document/detail/en/CANNCommunityEdition/900/maintenref/troubleshooting/atlaserrorcode_15_0268.html",
  },
  {
    code: "LS610",
    severity: "error",
    rank: "cause",
    title: "the tensor-parallel size leaves a number of heads that MLA's operator does not take",
    pattern: /numHeads \/ numKvHeads = \d{1,4}, MLA only support/,
    cause: "With graphs the queries of a KV head must be 32, 64 or 128 after the split.",
    fix: "another number of NPUs an instance, or --enforce-eager",
    source: "https://docs.vllm.ai/projects/ascend/en/latest/faqs.html",
  },
  {
    code: "LS611",
    severity: "error",
    rank: "symptom",
    title: "CANN reports an inner error",
    pattern: /(?<![\w-])(?:E[EHKZ]9999|E[1-9]9999|ERR99999)(?![\w-])/,
    cause: "The code itself says no more than which part of CANN it came from; the lines around it do.",
    fix: "read the lines below it, and the first [ERROR] line in the container's /root/ascend/log/debug/plog",
    source:
      "https://www.hiascend.com/document/detail/zh/CANNCommunityEdition/83RC1alpha002/API/codeopenapi/cann_base_api_0004.html",
  },
];
