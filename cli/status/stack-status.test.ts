import { expect, test } from "vitest";
import type { ListedContainer } from "../../docker/answers.ts";
import type { InstanceState, SchedulerState } from "../../hosts/administration.ts";
import { stackLabel } from "../../planning/container/settings.ts";
import { plannedStack } from "../planned-stack.ts";
import { statusText } from "./show.ts";
import { exitCode, type HostSight, stackStatus } from "./stack-status.ts";

const { plan } = plannedStack("sim-1p1d");
const labels = { [stackLabel]: "sim-1p1d" };

function listed(states: Partial<Record<string, string>> = {}): ListedContainer[] {
  return plan.containers.flatMap(({ name, role }) => {
    const State = role in states ? states[role] : "running";
    return State === undefined ? [] : [{ Id: name, Names: [`/${name}`], Image: "", Labels: labels, State }];
  });
}

function instance(role: "prefill" | "decode", change: Partial<InstanceState> = {}): InstanceState {
  const planned = plan.containers.find((one) => one.role === role);
  const counters = { inFlight: 1, kvHeld: 0, served: 7, failures: 0 };
  const flags = { healthy: true, stalled: false, draining: false, leaving: false };
  return { name: `${role}-0`, role, address: `127.0.0.1:${planned?.port}`, ...flags, ...counters, ...change };
}

function scheduler(decode: Partial<InstanceState> = {}): SchedulerState {
  const instances = [instance("prefill"), instance("decode", decode)];
  return { ready: true, draining: false, requests: 2, instances };
}

const hosts = (sight: HostSight) => new Map([["local", sight]]);

test("A pair that fails its canaries degrades the stack, whether the instance still gets requests or not.", () => {
  const words = [{ quarantined: ["prefill-0"] }, { quarantined: ["prefill-0"], unproven: true }].map(
    (change) => stackStatus(plan, hosts(listed()), scheduler(change)).problems.map(({ what }) => what),
  );

  expect(words).toEqual([
    [expect.stringMatching(/ is ready, no KV from prefill-0$/)],
    [expect.stringMatching(/ is unproven, no KV from prefill-0$/)],
  ]);
});

test("A stack whose containers run and whose instances get requests is healthy.", () => {
  const status = stackStatus(plan, hosts(listed()), scheduler());

  expect(status).toMatchObject({ verdict: "healthy", requests: 2, problems: [] });
  expect(exitCode([status])).toBe(0);
  expect(statusText(status)).toContain(
    "sim-1p1d-decode-0   local  6,7   running    ready  1          0        7",
  );
});

test.each([
  ["a container that has ended", { decode: "exited" }, {}, "sim-1p1d-decode-0 is exited on local"],
  ["a container that is not there", { prefill: undefined }, {}, "sim-1p1d-prefill-0 is not on local"],
  ["an instance that does not answer", {}, { healthy: false }, "sim-1p1d-decode-0 is unhealthy"],
  [
    "an instance that an operator has drained",
    {},
    { draining: true, inFlight: 0 },
    "sim-1p1d-decode-0 is drained",
  ],
])("With %s a stack is degraded, and a fix is given.", (_what, states, decode, problem) => {
  const status = stackStatus(plan, hosts(listed(states)), scheduler(decode));

  expect(status.verdict).toBe("degraded");
  expect(status.problems).toEqual([{ what: problem, fix: expect.stringContaining("sim-1p1d") }]);
  expect(exitCode([status])).toBe(2);
});

test("Decode that computes prompts itself is a problem, although all run and answer.", () => {
  const decode = { computesPrompts: true, transferShare: 0.021 };

  const status = stackStatus(plan, hosts(listed()), scheduler(decode));

  expect(status.verdict).toBe("degraded");
  expect(status.problems).toEqual([
    {
      what: "decode-0 computes most prompts itself: 2 % came from prefill",
      fix: expect.stringContaining("docs/scheduler.md"),
    },
  ]);
});

test("What the scheduler cannot be asked for is no guess: its own words are the problem.", () => {
  const refusal = { code: "unreachable", message: "no scheduler answers", fix: "look at its logs" };

  const status = stackStatus(plan, hosts(listed()), refusal);

  expect(status.problems).toEqual([{ what: "no scheduler answers", fix: "look at its logs" }]);
  expect(status.containers.every(({ state }) => state === undefined)).toBe(true);
});

test("A scheduler that refuses requests, or is stopping, makes a stack degraded.", () => {
  const refusing = stackStatus(plan, hosts(listed()), { ...scheduler(), ready: false });
  const stopping = stackStatus(plan, hosts(listed()), { ...scheduler(), draining: true });

  expect([refusing, stopping].map(({ problems }) => problems.map(({ what }) => what))).toEqual([
    ["the scheduler refuses requests: a role has no instance"],
    ["the scheduler is stopping"],
  ]);
});

test("A stack with a silent host is unreachable, and that outweighs what is degraded.", () => {
  const silent = stackStatus(
    plan,
    hosts({ what: "local: no Docker Engine answers", fix: "start it" }),
    undefined,
  );
  const degraded = stackStatus(plan, hosts(listed({ decode: "exited" })), scheduler());

  expect(silent).toMatchObject({ verdict: "unreachable", problems: [{ fix: "start it" }] });
  expect(exitCode([degraded, silent])).toBe(1);
});

test("A stack without any container is not deployed, which is no fault.", () => {
  const status = stackStatus(plan, hosts([]), undefined);

  expect(status).toMatchObject({ verdict: "not deployed", problems: [] });
  expect(exitCode([status])).toBe(0);
});

test("A container of the same name that is another's does not count as the stack's.", () => {
  const foreign = listed().map((one) => ({ ...one, Labels: {} }));

  expect(stackStatus(plan, hosts(foreign), undefined).verdict).toBe("not deployed");
});
