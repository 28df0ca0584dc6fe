import { expect, test } from "vitest";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";
import { planJson } from "../plan-json.ts";
import { meaningOf } from "./meaning.ts";
import { comparePlans, readPlan } from "./read-plans.ts";
import { differenceOf, fixture } from "./test-support.ts";

/** The Plan of the deployment that a preview was made of. */
function planOf(name: string): Plan {
  const { "ascend-pd:deployment": deployment } = fixture(name).config as Record<string, string>;
  const result = makePlan("pv", JSON.parse(deployment ?? ""));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

const deployed = planOf("no-change");

test.each([
  "no-change",
  "changed-port",
  "changed-limit",
  "changed-routing",
  "changed-timeout",
  "changed-address",
  "moved-npus",
  "added-instance",
])("%s: the prediction means what the engine's own preview means.", (name) => {
  const predicted = comparePlans(deployed, planOf(name));
  const previewed = differenceOf(fixture(name));

  const changed = ({ changes }: typeof predicted) =>
    changes.map(({ operation, subject, name }) => `${operation} ${subject} ${name}`);
  expect(changed(predicted)).toEqual(changed(previewed));
  expect(meaningOf(predicted, String).lines).toEqual(meaningOf(previewed, String).lines);
  expect(predicted.source).toBe("prediction");
});

test("An instance that goes to another host says from where to where.", () => {
  const host = { name: "host-b", address: "10.0.0.9" };
  const containers = deployed.containers.map((one) =>
    one.role === "decode" ? { ...one, host: "host-b" } : one,
  );

  const difference = comparePlans(deployed, { ...deployed, hosts: [...deployed.hosts, host], containers });

  expect(meaningOf(difference, String).lines).toEqual([
    "restarts decode-0 on host-b (NPUs 6,7) because it moves from local to host-b; model load, at most 60 s",
    "no decode instance stays up throughout: expect requests to wait or fail meanwhile",
    "untouched: prefill, the scheduler",
  ]);
});

test("What `plan --json` prints is read, problems and half Plans are not.", () => {
  const printed = JSON.parse(planJson({ plan: deployed, warnings: [] }));

  expect(readPlan(printed, "new.json")).toEqual(deployed);
  expect(() => readPlan({ problems: [{}, {}] }, "new.json")).toThrow(
    /^new\.json holds 2 problems and no Plan\nfix: /,
  );
  for (const key of ["stack", "hosts", "containers", "rankTables"]) {
    const { [key]: _, ...half } = printed.plan;
    expect(() => readPlan({ plan: half }, "new.json")).toThrow(
      /^new\.json is no Plan of this version\nfix: /,
    );
  }
});

test("A Plan whose containers have files that it does not hold is refused.", () => {
  const printed = JSON.parse(planJson({ plan: deployed, warnings: [] }));
  printed.plan.rankTables.local.pop();

  expect(() => readPlan(printed, "new.json")).toThrow(/^new\.json is no Plan of this version\nfix: /);
});

test("Plans of two stacks are not compared.", () => {
  expect(() => comparePlans(deployed, { ...deployed, stack: "other" })).toThrow(
    /^the Plans are of two stacks, pv and other\nfix: /,
  );
});
