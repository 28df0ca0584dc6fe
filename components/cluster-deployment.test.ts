import { beforeAll, expect, test } from "vitest";
import { type ClusterPlan, kubernetesObjects } from "../kubernetes/objects.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import { changedInput, onKubernetes } from "../planning/testing/sample-input.ts";
import { ClusterDeployment } from "./cluster-deployment.ts";
import { type Registration, registrationsOf } from "./testing/mocks.ts";

function planned(): ClusterPlan {
  const result = makePlan("two", changedInput(onKubernetes()));
  const plan = "plan" in result ? result.plan : undefined;
  if (plan?.kubernetes === undefined) throw new Error("it has no cluster");
  return { ...plan, kubernetes: plan.kubernetes };
}

const plan = planned();
let registrations: Registration[];

beforeAll(async () => {
  const objects = kubernetesObjects(plan);
  registrations = await registrationsOf("two", () => {
    new ClusterDeployment("two", { plan, context: undefined, objects });
  });
});

const named = (name: string) => registrations.find((one) => one.name === name);
const told = (name: string) => JSON.parse(named(name)?.inputs.environment.PROBE);

test("Whoever waits for pods to end gives them their grace period, and whoever waits for others their start besides.", () => {
  const prefill = plan.containers.find(({ role }) => role === "prefill");
  // The scheduler drains for 60 s, KV cache is kept for 480 s, and the process has 120 s.
  const grace = 60 + 480 + 120;

  expect(told("StatefulSet-two-prefill-0").timeoutSeconds).toBe(600 + grace);
  for (const probe of ["two-prefill-0-renewed", "two-prefill-0-ready"])
    expect(told(probe).timeoutSeconds).toBe((prefill?.startTimeoutSeconds ?? 0) + grace);
  expect(told("Service-two-prefill").timeoutSeconds).toBe(600);
});

test("The scheduler comes once all instances are ready, which come once everything that they name is there.", () => {
  expect(named("Deployment-two-scheduler")?.dependencies).toEqual(
    expect.arrayContaining(["Command two-prefill-0-ready", "Command two-decode-0-ready"]),
  );
  for (const name of ["prefill-0", "decode-0"]) {
    expect(named(`StatefulSet-two-${name}`)?.dependencies).toEqual(
      expect.arrayContaining([`Command Service-two-prefill`, "Command PriorityClass-pd.two.decode"]),
    );
    expect(named(`two-${name}-ready`)?.dependencies).toEqual([`Command two-${name}-renewed`]);
    expect(named(`two-${name}-renewed`)?.dependencies).toEqual([`Command StatefulSet-two-${name}`]);
  }
});

test("What is removed is told by its name alone, and nothing of an object stands in a variable.", () => {
  const inputs = named("Deployment-two-scheduler")?.inputs;

  expect(inputs.delete).toBe("node components/probes/remove-object.ts");
  expect(JSON.parse(inputs.environment.PROBE).object).toEqual({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "two-scheduler", namespace: "pd" },
  });
  expect(JSON.parse(inputs.stdin).spec.strategy).toEqual({ type: "Recreate" });
});
