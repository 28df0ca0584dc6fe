import { expect, test } from "vitest";
import { addressesOf, schedulerTables } from "../hosts/administered.ts";
import { stackLabel } from "../planning/container/settings.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import type { Plan } from "../planning/plan.ts";
import { meaningOf } from "./diff/meaning.ts";
import { comparePlans } from "./diff/read-plans.ts";
import { plannedStack } from "./planned-stack.ts";
import { compose } from "./render/compose.ts";
import { dockerRun } from "./render/docker-run.ts";
import { mermaid } from "./render/mermaid.ts";
import { readStackFile } from "./stack-file.ts";
import { type HostSight, stackStatus } from "./status/stack-status.ts";

// An instance over several hosts, as those see it who list containers: it is one instance of several containers.
const stack = "vllm-ascend-4p1d-eight-hosts";
const { plan } = plannedStack(stack);
const members = [1, 2, 3].map((index) => `${stack}-decode-0-member-${index}`);

const hostNamed = (name: string) => {
  const host = plan.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(name);
  return host;
};

test("The scheduler and its operators know the instance, and no member.", () => {
  const told = schedulerTables(plan)?.instances.map(({ name, address }) => `${name} ${address}`);

  expect(told).toEqual([
    ...[0, 1, 2, 3].map((index) => `prefill-${index} 10.0.0.${18 + index}:8088`),
    "decode-0 10.0.0.22:8089",
  ]);
  expect(addressesOf(plan).get(`${stack}-decode-0`)).toBe("10.0.0.22:8089");
  for (const member of members) expect(addressesOf(plan).has(member)).toBe(false);
});

test("A host with a member starts it and waits for no answer of it.", () => {
  const script = dockerRun(plan, hostNamed("host-f"));

  expect(script).toContain(`docker start ${members[0]}`);
  expect(script).not.toContain(`await ${members[0]}`);
  expect(script).toContain("at the same time: host-e, host-f, host-g, host-h");
  expect(dockerRun(plan, hostNamed("host-e"))).toContain(`await ${stack}-decode-0 `);
  expect(dockerRun(plan, hostNamed("host-b"))).not.toContain("at the same time");
});

test("In Compose a member has no health check, and nobody depends on it.", () => {
  const file = compose(plan, hostNamed("host-f"));

  expect(file).toContain(`container_name: "${members[0]}"`);
  expect(file).not.toContain("healthcheck");
  expect(file).toContain("at the same time: host-e, host-f, host-g, host-h");
  expect(compose(plan, hostNamed("host-e"))).toContain("healthcheck");
});

test("In a picture requests go to the head, and KV cache to every member.", () => {
  const lines = mermaid(plan).split("\n");

  expect(lines.filter((line) => line.includes('-->|"②"|'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("kv ==>"))).toHaveLength(4);
});

test("A member that does not run makes the stack degraded, and says what stands still.", () => {
  const sight = (host: string): HostSight =>
    plan.containers
      .filter((one) => one.host === host)
      .map(({ name }) => ({
        Id: name,
        Names: [`/${name}`],
        Image: "",
        Labels: { [stackLabel]: stack },
        State: name === members[1] ? "exited" : "running",
      }));

  const status = stackStatus(plan, new Map(plan.hosts.map(({ name }) => [name, sight(name)])), undefined);

  expect(status.verdict).toBe("degraded");
  expect(status.problems).toEqual([
    {
      what: `${members[1]} is exited on host-g, without which ${stack}-decode-0 does not work`,
      fix: `\`ascend-pd logs ${stack} ${members[1]}\` shows its last words`,
    },
  ]);
});

test.each<[string, (input: ReturnType<typeof deployed>) => object, string[]]>([
  [
    "an argument",
    ({ decode: [one] }) => ({
      decode: [{ ...one, extraArgs: [...(one?.extraArgs ?? []), "--max-log-len=7"] }],
    }),
    ["because --max-log-len changes;"],
  ],
  [
    "the order of its hosts",
    ({ decode: [one] }) => ({ decode: [{ ...one, hosts: one?.hosts.toReversed() }] }),
    ["it moves from host-e to host-h"],
  ],
  [
    "one host more",
    ({ engine, decode: [one], hosts }) => ({
      engine: { ...engine, decode: { ...engine.decode, dataParallel: 80 } },
      hosts: { ...hosts, "host-i": { ...hosts["host-a"], address: "10.0.0.30", docker: "ssh://root@i" } },
      decode: [{ ...one, hosts: [...(one?.hosts ?? []), { ...one?.hosts[0], host: "host-i" }] }],
    }),
    ["--data-parallel-size"],
  ],
])("%s changes one instance, whose members restart as one.", (what, change, reasons) => {
  const difference = comparePlans(plan, planOf({ ...deployed(), ...change(deployed()) }));
  const { headline, lines } = meaningOf(difference, String);

  expect(headline).toBe(what === "one host more" ? "restarts 5 instances" : "restarts 1 instance");
  for (const reason of reasons) expect(lines.join("\n")).toContain(reason);
  expect(lines.join("\n")).not.toContain("definition");
  expect(lines.join("\n")).not.toContain("member");
  if (what !== "one host more")
    expect(lines).toContain(
      "decode-0 is the only decode instance: requests are answered 503 while it is replaced",
    );
});

function deployed() {
  return readStackFile(stack).deployment as {
    engine: { decode: object };
    hosts: Record<string, object>;
    decode: { hosts: { host: string; devices: number[] }[]; extraArgs: string[] }[];
  };
}

function planOf(input: unknown): Plan {
  const result = makePlan(stack, input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}
