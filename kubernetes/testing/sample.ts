import { plan as makePlan } from "../../planning/make-plan.ts";
import { type Changes, changedInput, onKubernetes } from "../../planning/testing/sample-input.ts";
import type { ClusterPlan } from "../names.ts";

/** The Plan of the sample for a cluster, with `changes` made to it besides. */
export function clusterPlan(changes: Changes = {}, stack = "two"): ClusterPlan {
  const result = makePlan(stack, changedInput({ ...onKubernetes(), ...changes }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems, undefined, 1));
  const { kubernetes } = result.plan;
  if (kubernetes === undefined) throw new Error("it has no cluster");
  return { ...result.plan, kubernetes };
}
