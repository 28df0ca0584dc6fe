import { plan as makePlan } from "../../planning/make-plan.ts";
import { type Changes, changedInput } from "../../planning/testing/sample-input.ts";
import type { ClusterPlan } from "../names.ts";

/** What makes the sample input one for a cluster: two A2 nodes that each have one instance of all NPUs. */
const onKubernetes: Changes = {
  target: { kind: "kubernetes", namespace: "pd", registry: "registry.example.com/pd" },
  engine: {
    kind: "vllm-ascend",
    image: "quay.io/ascend/vllm-ascend:v0.23.0",
    workDir: { source: "/data/models", target: "/data/models" },
  },
  hosts: {
    "host-a": { address: "10.0.0.18", interface: "bond0" },
    "host-b": { address: "10.0.0.19", interface: "bond0" },
  },
  prefill: [{ host: "host-a", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8088 }],
  decode: [{ host: "host-b", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8089 }],
  scheduler: { port: 9000 },
};

/** Its Plan, with `changes` made to it besides. */
export function clusterPlan(changes: Changes = {}, stack = "two"): ClusterPlan {
  const result = makePlan(stack, changedInput({ ...onKubernetes, ...changes }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems, undefined, 1));
  const { kubernetes } = result.plan;
  if (kubernetes === undefined) throw new Error("it has no cluster");
  return { ...result.plan, kubernetes };
}
