import { expect, test } from "vitest";
import { plan as makePlan } from "../planning/make-plan.ts";
import { type Changes, changedInput, onKubernetes } from "../planning/testing/sample-input.ts";
import { onCluster } from "./on-cluster.ts";

function planned(changes: Changes) {
  const result = makePlan("two", changedInput({ ...onKubernetes(), ...changes }));
  const plan = "plan" in result ? result.plan : undefined;
  if (plan?.kubernetes === undefined) throw new Error(JSON.stringify(result));
  return { ...plan, kubernetes: plan.kubernetes };
}

test.each<[what: string, changes: Changes, message: string]>([
  [
    "A form that needs an operator",
    { "target.form": "infer-service-set" },
    "target.form infer-service-set is rendered, and not applied by this program",
  ],
  [
    "Keys of clients, with which `up` could not ask the first completion,",
    { "scheduler.apiKeys": [`alice sha256:${"0".repeat(64)}`] },
    "scheduler.apiKeys: the first completion is asked through the API server, which hands no key on",
  ],
])(
  "%s is refused before any cluster is asked, with how to apply it all the same.",
  async (_, changes, message) => {
    const asked = onCluster("two", planned(changes));

    await expect(asked).rejects.toThrow(`stacks/Pulumi.two.yaml: ${message}`);
    await expect(asked).rejects.toThrow("fix: ascend-pd render kubernetes two | kubectl apply --server-side");
  },
);
