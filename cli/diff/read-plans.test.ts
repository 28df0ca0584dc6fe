import { describe, expect, test } from "vitest";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";
import { sampleInput } from "../../planning/testing/sample-input.ts";
import { planJson } from "../plan-json.ts";
import { differenceOf, fixture } from "../testing/previews.ts";
import { meaningOf } from "./meaning.ts";
import { comparePlans, readPlan } from "./read-plans.ts";

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
  "renamed-instance",
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
    "decode-0 is the only decode instance: requests are answered 503 while it is replaced",
    "untouched: prefill, the scheduler",
  ]);
});

describe("with two instances of a role", () => {
  const input = (changes: object = {}) => ({
    ...JSON.parse((fixture("no-change").config as Record<string, string>)["ascend-pd:deployment"] ?? ""),
    prefill: [
      { host: "local", devices: [0], port: 18700 },
      { host: "local", devices: [1], port: 18703 },
    ],
    decode: [{ host: "local", devices: [2], port: 18701 }],
    ...changes,
  });
  const planned = (changes?: object): Plan => {
    const result = makePlan("pv", input(changes));
    if ("problems" in result) throw new Error(JSON.stringify(result.problems));
    return result.plan;
  };
  const lines = (old: Plan, changes: object) => meaningOf(comparePlans(old, planned(changes)), String).lines;
  const prefill = (...ports: number[]) =>
    ports.map((port, index) => ({ host: "local", devices: [index], port }));

  test("They restart in turns, so that only a role with one is without any.", () => {
    const env = { engine: { kind: "simulated", extraEnv: { NOTE: "x" } } };

    expect(lines(planned(), env)).toEqual([
      "all instances restart because env.NOTE changes: prefill-0 on local (NPUs 0), prefill-1 on local (NPUs 1), " +
        "decode-0 on local (NPUs 2); model load, at most 60 s, one of a role at a time",
      "decode-0 is the only decode instance: requests are answered 503 while it is replaced",
      "untouched: the scheduler",
    ]);
  });

  test("One that is called otherwise restarts alone, and a part of it goes by its name.", () => {
    const named = (name: string) => [
      { name: "a", ...prefill(18700)[0] },
      { name, ...prefill(18700, 18703)[1] },
    ];

    const told = lines(planned({ prefill: named("b") }), { prefill: named("npus") });

    expect(told).toEqual([
      "restarts npus on local (NPUs 1) because it was called b; model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "untouched: a, decode",
    ]);
  });

  test("One that moves up a list wants what the last still has, which is said.", () => {
    const [, second] = prefill(18700, 18703);

    expect(lines(planned(), { prefill: [second] })).toContain(
      "prefill-0 wants NPUs of prefill-1, which is removed last, so that it fails: take out in one change and put there in the next; " +
        "an instance that only moves up a list stays where it is with the `name` that it had by its place",
    );
  });

  test("Both may move: the running scheduler is told where they are.", () => {
    const told = lines(planned(), { prefill: prefill(18710, 18713) });

    expect(told).toContain("changes, without a restart, the scheduler");
    expect(told.filter((line) => line.includes("prefill") && line.includes("503"))).toEqual([]);
  });

  test("A scheduler that cannot drain them cuts what they do.", () => {
    const { adminSocket: _, ...plain } = planned();

    expect(lines(plain, { prefill: prefill(18710, 18713) })).toEqual(
      expect.arrayContaining([
        "cuts requests in flight on prefill-0, prefill-1: the scheduler that runs now cannot drain them",
        "no prefill instance stays up throughout: expect requests to wait or fail meanwhile",
      ]),
    );
  });
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

test("With the manual's engine one more instance restarts all others, through the global rank table.", () => {
  const planned = (prefill: number): Plan => {
    const input = sampleInput();
    const result = makePlan("s", { ...input, prefill: input.prefill.slice(0, prefill) });
    if ("problems" in result) throw new Error(JSON.stringify(result.problems));
    return result.plan;
  };

  expect(meaningOf(comparePlans(planned(1), planned(2)), String)).toMatchObject({
    headline: "restarts 3 instances, starts 1 instance",
    lines: [
      expect.stringMatching(
        /^all instances restart because the global rank table and env\.NODE_PORTS change: prefill-0 /,
      ),
      expect.stringMatching(/^starts prefill-1 on host-b /),
      "changes, without a restart, the scheduler",
      expect.stringMatching(/^prefill-0 is the only prefill instance: /),
    ],
  });
});
