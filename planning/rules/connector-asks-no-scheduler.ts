import { isLayerwise } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const connectorAsksNoScheduler: Rule = {
  code: "PD192",
  severity: "error",
  title: "the connector is not MooncakeLayerwiseConnector (Kubernetes)",
  why: "By it decode tells the scheduler where it wants KV cache, at an address on which the scheduler listens; a pod that any node may have knows none beforehand.",
  source: "vllm-ascend, MooncakeLayerwiseConnector: `metaserver` in `kv_transfer_params`",
  check: ({ file, engine }) => {
    if (file.target === undefined || !isLayerwise(engine.mooncake)) return [];
    const message =
      "decode would tell the scheduler at an address that is not known before its pod is placed";
    return [{ path: "engine.connector", message, fix: "leave it out: MooncakeConnectorV1 is the default" }];
  },
};
