import type { Rule } from "./rule.ts";

export const connectorHasScheduler: Rule = {
  code: "PD162",
  severity: "error",
  title: "the connector is one that the scheduler serves",
  why: "With MooncakeLayerwiseConnector decode is asked first, and asks a server of the scheduler for a prefill instance; ours has none yet, so that no request would be answered.",
  source: "vllm-ascend, layerwise connector: `metaserver`",
  check: ({ engine: { mooncake } }) => {
    if (mooncake?.connector !== "MooncakeLayerwiseConnector") return [];
    const message = "MooncakeLayerwiseConnector needs a metaserver, which this scheduler does not have yet";
    const fix = "leave it out: MooncakeConnectorV1 is the default";
    return [{ path: "engine.connector", message, fix }];
  },
};
