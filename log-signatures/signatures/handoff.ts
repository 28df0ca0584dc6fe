import type { LogSignature } from "../signature.ts";

/** The way of KV caches from prefill to decode. */
export const handoff: readonly LogSignature[] = [
  {
    code: "LS701",
    severity: "error",
    rank: "consequence",
    title: "a KV cache was not transferred",
    pattern:
      /Mooncake transfer failed(?:, ret: -?\d{1,6})?|Failed to transfer KV cache|Mooncake failed to transfer physical KV slot/,
    cause:
      "Decode could not read from prefill. Unless kv_load_failure_policy is `fail`, its client may get 200 with nonsense.",
    fix: "mend what is named with it: the connection (LS702), hccn.conf (LS703), HCCL (LS5…), a prefill that ended; then restart both sides, since later requests may be wrong too",
    source: "https://github.com/vllm-project/vllm-ascend/issues/8427",
  },
  {
    code: "LS702",
    severity: "error",
    rank: "consequence",
    title: "Mooncake did not connect to the other side",
    pattern:
      /Failed to connect to (?:target|segment): [\w.:[\]-]{1,60}(?:, status: \d{1,7})?|Connect timeout to: [\w.:[\]-]{1,60}|Transfer slice failed with status: \d{1,7}/,
    cause:
      "The NPUs of both instances have no way to each other (link, network, TLS, hccn.conf), the other instance is gone, or its CANN is another.",
    fix: "see that the other instance runs and what it says; `ascend-pd doctor` looks at links and TLS (HC401 to HC406); /etc/hccn.conf must be in both; the same image on both sides",
    source: "https://github.com/vllm-project/vllm-ascend/issues/5635",
  },
  {
    code: "LS703",
    severity: "error",
    rank: "cause",
    title: "/etc/hccn.conf is not in the container",
    pattern:
      /\/etc\/hccn\.conf['"]?([^\n]{0,60}?)(?:cannot|can ?not|can't|not found|No such file|does not exist|failed|not be found)|(?:cannot|can't|failed to|No such file|unable to)([^\n]{0,60}?)\/etc\/hccn\.conf/i,
    cause:
      "Mooncake takes the NPUs' addresses from it; without, transfers between hosts fail while those on one host may work.",
    fix: "the file must be on every host (HC402, HC501) and mounted into prefill and decode, as the plan does",
    source: "https://github.com/kvcache-ai/Mooncake/pull/502",
  },
  {
    code: "LS704",
    severity: "error",
    rank: "cause",
    title: "the image lacks Mooncake, or a part of it",
    pattern:
      /(?:ascend_transport|libmooncake[\w.-]{0,40}|libascend_transport_mem)\.so[\w.]{0,10}: cannot open shared object file|No module named 'mooncake[\w.]{0,60}'|mooncake is not available|Please install mooncake by following/,
    cause:
      "mooncake was not built into the image, or its ascend_transport.so lies in /usr/local/lib and LD_LIBRARY_PATH does not say so.",
    fix: "use an image of vllm-ascend as it is published; LD_LIBRARY_PATH=…:/usr/local/lib in the instance's environment",
    source: "https://github.com/vllm-project/vllm-ascend/issues/6949",
  },
  {
    code: "LS705",
    severity: "error",
    rank: "cause",
    title: "the connector is told other sizes than the engine has",
    pattern:
      /KV transfer '\w{1,20}' config has a conflicting (?:tensor|data) parallel size(?:\. Expected \d{1,5}, but got \d{1,5})?/,
    cause:
      "kv_connector_extra_config was written by hand, or vLLM made one of the data-parallel size, as for models that are no mixture of experts.",
    fix: "leave --kv-transfer-config to the plan, which writes both roles' sizes; no data parallelism for a dense model",
    source: "https://github.com/vllm-project/vllm-ascend/blob/main/vllm_ascend/utils.py",
  },
  {
    code: "LS706",
    severity: "error",
    rank: "cause",
    title: "this engine does not have the connector",
    pattern: /Unsupported connector type: [\w.]{1,80}/,
    cause: "The connector is of another version of vLLM or vllm-ascend, or its plugin was not loaded.",
    fix: "use an image that has it: MooncakeConnectorV1 and MooncakeHybridConnector are vllm-ascend's, NixlConnector is vLLM's",
    source:
      "https://github.com/vllm-project/vllm/blob/main/vllm/distributed/kv_transfer/kv_connector/factory.py",
  },
  {
    code: "LS707",
    severity: "warning",
    rank: "consequence",
    title: "prefill freed KV caches that nobody fetched",
    pattern:
      /Force freed expired request|Releasing expired KV blocks for request|Declining expired remote read|Potentially invalid KV blocks for unrecognized request|Num KV expired reqs=[1-9]\d{0,9}|registration for request ([^\n]{1,120}?)timed out after/,
    cause:
      "Decode came too late or not at all: clients that left, a decode instance that ended, hangs or is overloaded.",
    fix: "a few after clients left are harmless. If they go on, look at the decode instances, and whether there are enough of them (`ascend-pd ratio`)",
    source:
      "https://github.com/vllm-project/vllm-ascend/blob/main/vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py",
  },
  {
    code: "LS708",
    severity: "error",
    rank: "consequence",
    title: "prefill and decode do not hear each other's messages",
    pattern:
      /Failed to receive ACK for request|(?:Send|Receive) failed after all retries|Failed to (?:send|receive) data (?:to [\w.:/[\]-]{1,80} )?after \d{1,3} retries|NIXL transfer failure: notification_failed/,
    cause:
      "The connector's side channel (kv_port and those above it) is blocked by a firewall, or the other side ended.",
    fix: "see that the other instance runs, and that its ports pass between the hosts (docs/hosts.md)",
    source:
      "https://github.com/vllm-project/vllm-ascend/blob/main/vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py",
  },
  {
    code: "LS709",
    severity: "error",
    rank: "cause",
    title: "prefill and decode are configured differently",
    pattern:
      /compatibility hash mismatch|This likely indicates an incompatibility between connector version|Heterogeneous TP expects same kv_cache_layout|PLE pages require identical P\/D geometry|Only nP < nD supported currently|require(?:s|) matching DCP sizes|block_sizes? (?:mismatch|do(?:es)? not match)|block sizes? (?:mismatch|do(?:es)? not match)/i,
    cause: "They must have the same vLLM, model, type of KV cache, block size, layout and attention backend.",
    fix: "the same image and the same arguments for both roles but for what the role itself is",
    source: "https://docs.vllm.ai/en/latest/features/nixl_connector_usage/",
  },
  {
    code: "LS710",
    severity: "error",
    rank: "consequence",
    title: "NIXL could not transfer",
    pattern:
      /NIXL_ERR_(?!NOT_POSTED|IN_PROG)\w{1,40}|NIXL transfer failure: (?!notification_failed)\w{1,60}|UCX {2}ERROR|Unexpected UCX error: [\w ]{1,40}|No remote agents for engine/,
    cause: "The other side ended or was replaced, or UCX took an interface by which it is not reached.",
    fix: "see that the other instance runs; name the interface (UCX_NET_DEVICES) and side channel's host (VLLM_NIXL_SIDE_CHANNEL_HOST). After NIXL_ERR_REMOTE_DISCONNECT restart both sides",
    source: "https://github.com/ai-dynamo/nixl/issues/503",
  },
  {
    code: "LS711",
    severity: "error",
    rank: "cause",
    title: "the image lacks NIXL",
    pattern: /NIXL is not available/,
    cause: "The package nixl is not installed beside vLLM.",
    fix: "use an image that has it",
    source: "https://docs.vllm.ai/en/latest/features/nixl_connector_usage/",
  },
  {
    code: "LS712",
    severity: "error",
    rank: "consequence",
    title: "LLMDataDist could not link prefill and decode, or transfer",
    pattern: /LLMStatusCode\.(?!LLM_SUCCESS)LLM_\w{1,40}/,
    cause:
      "The rank tables of both sides do not agree, a link between their NPUs is down, or one side ended.",
    fix: "let the plan write the rank tables; then links and TLS (HC401 to HC406), and the other side's log",
    source: "https://github.com/vllm-project/vllm-ascend/issues/2900",
  },
  {
    code: "LS713",
    severity: "error",
    rank: "cause",
    title: "decode does not reach the scheduler's metaserver",
    pattern: /Access metaserver fail|Failed to connect to metaserver/,
    cause: "With MooncakeLayerwiseConnector decode asks for prefill at the address that the scheduler named.",
    fix: "let decode's hosts reach the scheduler's port; a connector that hands over (MooncakeConnectorV1) needs none",
    source:
      "https://github.com/vllm-project/vllm-ascend/blob/main/vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_layerwise_connector.py",
  },
  {
    code: "LS714",
    severity: "error",
    rank: "consequence",
    title: "requests failed, or were computed anew, since their KV cache did not load",
    pattern:
      /Failing \d{1,9} request\(s\) due to KV load failure|Recovered from KV load failure: \d{1,9} request\(s\) rescheduled/,
    cause:
      "A transfer failed before; kv_load_failure_policy says whether the client gets an error or decode computes the prompt.",
    fix: "mend the transfer (LS701, LS702, LS710)",
    source: "https://github.com/vllm-project/vllm/issues/32200",
  },
  {
    code: "LS715",
    severity: "warning",
    rank: "consequence",
    title: "decode got no parameters to fetch a KV cache by",
    pattern: /Got invalid KVTransferParams/,
    cause:
      "A request came to decode past the scheduler, or prefill ended it at its first token; decode computes the prompt itself.",
    fix: "send clients to the scheduler only; see what handoff it runs with",
    source:
      "https://github.com/vllm-project/vllm/blob/main/vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py",
  },
  {
    code: "LS716",
    severity: "warning",
    rank: "cause",
    title: "the container sees no RDMA device of the host",
    pattern: /No RDMA devices found|rdma_create_(?:event_channel|id) failed|ibv_open_device failed/,
    cause: "Harmless where KV caches go by the NPUs' own network; without an HCA Mooncake falls back to TCP.",
    fix: "nothing on Ascend. Where an HCA is meant: /dev/infiniband and the capability IPC_LOCK",
    source: "https://github.com/kvcache-ai/Mooncake/issues/1391",
  },
];
