import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";
import { readGlobalRankTable, readLocalRankTable } from "./rank-table.ts";

/** Mostly the first value, sometimes one of the others, so that many deployments are valid and many are not. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const instance = (first: number, port: number) =>
  fc.record({
    host: mostly("a", "b", "nowhere"),
    devices: mostly([first, first + 1], [first], [first + 1, first], [0, 1], [9, 10]),
    port: mostly(port, 8088, 8089, 60001),
  });

const deviceIps = (network: number) =>
  mostly(16, 5, 0).map((count) =>
    Object.fromEntries(Array.from({ length: count }, (_, npu) => [npu, `29.0.${network}.${npu + 1}`])),
  );

const host = (network: number) =>
  fc.record({
    address: mostly(`10.0.0.${network}`, "10.0.0.1", "127.0.0.1", "localhost"),
    docker: mostly(`ssh://root@h${network}`, "ssh://root@h1", "unix:///var/run/docker.sock"),
    hostKey: mostly<string | undefined>("ssh-ed25519 AAAA", undefined),
    npus: mostly(8, 16),
    deviceIps: deviceIps(network),
  });

const deployment = fc.record({
  engine: mostly(
    { kind: "ascendcloud", image: "i", workDir: { source: "/data", target: "/data" } },
    { kind: "simulated" },
    { kind: "ascendcloud", image: "i", workDir: { source: "/data", target: "/home" } },
    { kind: "ascendcloud", image: "i", workDir: { source: "data", target: "/data" } },
  ),
  model: fc.record({
    path: fc.constant("/data/m"),
    servedName: fc.constant("m"),
    maxModelLen: mostly(4096, 8192),
    maxNumBatchedTokens: mostly(4096, 8192),
  }),
  hosts: fc.record({ a: host(1), b: host(2) }, { requiredKeys: ["a"] }),
  prefill: fc.tuple(instance(0, 8088), instance(2, 8090)).chain((two) => fc.subarray(two, { minLength: 1 })),
  decode: fc.tuple(instance(4, 8089), instance(6, 8091)).chain((two) => fc.subarray(two, { minLength: 1 })),
  scheduler: fc.record({ host: mostly("a", "b"), port: mostly(9000, 8088) }),
  allow: fc.subarray(["PD104", "PD112", "PD151"]),
});

type Deployment = typeof deployment extends fc.Arbitrary<infer T> ? T : never;

/** The rules once more, from the manual and without the planner's code: whether `input` may be deployed. */
function isValid(input: Deployment): boolean {
  const { engine, model, hosts, prefill, decode, scheduler, allow } = input;
  const names = Object.keys(hosts);
  const claims = new Set<string>();
  const claim = (what: string) => !claims.has(what) && claims.add(what) !== undefined;

  for (const [name, { address, docker, hostKey, deviceIps: ips }] of Object.entries(hosts)) {
    if (names.length > 1 && ["127.0.0.1", "localhost"].includes(address)) return false;
    if (!claim(`address ${address}`)) return false;
    if (!claim(`docker ${docker}`) && !allow.includes("PD151")) return false;
    if (docker.startsWith("ssh") !== (hostKey !== undefined)) return false;
    if (Object.values(ips).some((ip) => !claim(`ip ${ip}`))) return false;
    claim(name);
  }
  for (const { host: on, port } of [...prefill, ...decode, scheduler]) {
    if (!names.includes(on) || !claim(`port ${on} ${port}`) || port >= 60000) return false;
  }
  for (const { host: on, devices } of [...prefill, ...decode]) {
    const at = Object.entries(hosts).find(([name]) => name === on)?.[1];
    for (const npu of devices) {
      if (!claim(`npu ${on} ${npu}`) || npu >= (at?.npus ?? 0)) return false;
      if (engine.kind === "ascendcloud" && !(npu in (at?.deviceIps ?? {}))) return false;
    }
  }
  for (const role of [prefill, decode]) {
    if (new Set(role.map(({ devices }) => devices.length)).size > 1 && !allow.includes("PD104")) return false;
  }
  const shared = prefill.some((p) => decode.some((d) => p.port === d.port && p.host !== d.host));
  if (shared && !allow.includes("PD112")) return false;
  if (model.maxNumBatchedTokens < model.maxModelLen) return false;
  return (
    engine.workDir === undefined || (engine.workDir.source !== "data" && engine.workDir.target !== "/home")
  );
}

test("A deployment is accepted exactly when an independent reading of the manual says that it is valid.", () => {
  const seen = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(deployment, (input) => {
      const valid = isValid(input);
      seen[valid ? "valid" : "invalid"]++;

      const result = plan("s", input);

      expect("plan" in result, JSON.stringify(result)).toBe(valid);
    }),
    { numRuns: 1500 },
  );
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(150);
});

function whenAccepted(check: (accepted: Plan, input: Deployment) => void): void {
  fc.assert(
    fc.property(deployment.filter(isValid), (input) => {
      const result = plan("s", input);
      if ("problems" in result) throw new Error(JSON.stringify(result.problems));
      check(result.plan, input);
    }),
    { numRuns: 200 },
  );
}

test("Every derived fact agrees with every other.", () => {
  whenAccepted(({ containers, rankTables, hosts }, input) => {
    const global = readGlobalRankTable(rankTables.global.content, "global");
    const instances = [...input.prefill, ...input.decode];

    const entries = [...global.prefill, ...global.decode, { ...global.scheduler, devices: [] }];
    expect(containers.map(({ npus }) => npus)).toEqual(
      entries.map(({ devices }) => devices.map((d) => d.deviceId)),
    );
    expect(containers.map(({ port }) => port)).toEqual([
      ...instances.map(({ port }) => port),
      input.scheduler.port,
    ]);
    for (const [index, container] of containers.entries()) {
      const [globalFile, localFile] = container.files;
      expect(globalFile).toEqual(rankTables.global);
      expect(localFile).toEqual(rankTables.local[index]);
      expect(readLocalRankTable(localFile?.content ?? "", "local")).toEqual(entries[index]);
      expect(container.env.GLOBAL_RANK_TABLE_FILE_PATH).toBe(globalFile?.path);
      expect(container.env.RANK_TABLE_FILE_PATH).toBe(localFile?.path);
      expect(hosts.find(({ name }) => name === container.host)?.address).toBe(entries[index]?.ip);
      const own = container.devices.flatMap(
        ({ containerPath }) => /davinci(\d+)$/.exec(containerPath)?.[1] ?? [],
      );
      expect(own.map(Number)).toEqual(container.npus);
      if (container.role !== "scheduler") {
        expect(container.command).toContain(`--tensor-parallel-size=${container.npus.length}`);
      }
    }
    expect(containers.at(-1)?.env.NODE_PORTS).toBe(instances.map(({ port }) => port).join(","));
    expect(containers.at(-1)?.env.no_proxy?.split(",")).toEqual(
      expect.arrayContaining(entries.map(({ ip }) => ip)),
    );
    const claims = containers.flatMap(({ host: on, npus }) => npus.map((npu) => `${on} ${npu}`));
    expect(new Set(claims).size).toBe(claims.length);
    expect(new Set(containers.map(({ name }) => name)).size).toBe(containers.length);
  });
});

test("All scalars of a rank table are strings.", () => {
  whenAccepted(({ rankTables }) => {
    const scalars: unknown[] = [];
    for (const { content } of [rankTables.global, ...rankTables.local]) {
      JSON.parse(content, (_, value) => (typeof value === "object" ? value : void scalars.push(value)));
    }

    expect(scalars.filter((scalar) => typeof scalar !== "string")).toEqual([]);
  });
});

/** The same value with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

test("The same deployment gives the same bytes, whatever the order of its keys.", () => {
  fc.assert(
    fc.property(deployment, (input) => {
      const bytes = JSON.stringify(plan("s", input));

      expect(JSON.stringify(plan("s", structuredClone(input)))).toBe(bytes);
      expect(JSON.stringify(plan("s", reversed(input)))).toBe(bytes);
    }),
  );
});
