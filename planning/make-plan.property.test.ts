import fc from "fast-check";
import { expect, test } from "vitest";
import { readGlobalRankTable, readLocalRankTable } from "../rank-tables/reader.ts";
import { plan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";

/** Random deployments in each property; CONTRIBUTING.md says how to try more. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 1000);

/** Mostly the first value, sometimes one of the others, so that many deployments are valid and many are not. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

type Env = Readonly<Record<string, string>>;

const extras = {
  extraArgs: mostly<string[]>(
    [],
    ["--dtype=float16", "--stop=$(id) <|end|>"],
    ["--port=1"],
    ["--max_model", "9"],
  ),
  extraEnv: mostly<Env>(
    {},
    { OMP_NUM_THREADS: "8", B: "'; true #" },
    { HCCL_IF_BASE_PORT: "8080" },
    { HCCL_IF_BASE_PORT: "9" },
    { NODE_PORTS: "8088" },
    { no_proxy: "example.com" },
  ),
};

const instance = (on: string, first: number, port: number) =>
  fc.record({
    host: mostly(on, "a", "b", "nowhere"),
    devices: mostly([first, first + 1], [first], [first + 1, first], [0, 1], [9, 10]),
    port: mostly(port, 8088, 8089, 40000, 60001),
    ...extras,
  });

const deviceIps = (network: number) =>
  mostly(16, 5, 0).map((count) =>
    Object.fromEntries(Array.from({ length: count }, (_, npu) => [npu, `29.0.${network}.${npu + 1}`])),
  );

const host = (network: number) =>
  fc.record({
    address: mostly(`10.0.0.${network}`, "10.0.0.1", "127.0.0.1", "localhost", "224.0.0.1"),
    docker: mostly(`ssh://root@h${network}`, "ssh://root@h1", "unix:///var/run/docker.sock"),
    hostKey: mostly<string | undefined>("ssh-ed25519 AAAA", undefined),
    npus: mostly(8, 16),
    deviceIps: deviceIps(network),
  });

const folder = (target: string, source = "/data") => ({ source, target });

const ascendcloud = fc.record({
  kind: fc.constant("ascendcloud" as const),
  image: fc.constant("i"),
  workDir: mostly(folder("/data"), folder("/home"), folder("/data", "data"), folder("/etc")),
  mounts: mostly(
    [],
    [folder("/cache")],
    [folder("/data")],
    [folder("/home/ma-user/x")],
    [folder("/dev/shm")],
  ),
  ...extras,
});

const simulated = fc.record({ kind: fc.constant("simulated" as const), ...extras });

const slots = (first: number, port: number) =>
  fc
    .tuple(instance("a", first, port), instance("a", first + 2, port + 2), instance("b", first, port))
    .chain((all) => fc.subarray(all, { minLength: 1 }));

const deployment = fc.record({
  engine: fc.oneof({ weight: 4, arbitrary: ascendcloud }, { weight: 1, arbitrary: simulated }),
  model: fc.record({
    path: fc.constant("/data/m"),
    servedName: fc.constant("m"),
    maxModelLen: mostly(4096, 8192),
    maxNumBatchedTokens: mostly(4096, 8192),
  }),
  hosts: fc.record({ b: host(2), a: host(1) }),
  prefill: slots(0, 8088),
  decode: slots(4, 8089),
  scheduler: fc.record({
    runtime: mostly("ascend-pd", "ascendcloud"),
    host: mostly("a", "b", "nowhere"),
    port: mostly(9000, 8088),
    useOpenai: mostly(true, false),
    noProxy: mostly<string[]>([], [".example.com", "10.0.0.1"]),
    ...extras,
  }),
  allow: fc
    .subarray(["PD104", "PD112", "PD151"])
    .map((codes) => codes.map((code) => ({ code, reason: "it is meant" }))),
});

type Deployment = typeof deployment extends fc.Arbitrary<infer T> ? T : never;

/** The rules once more, from the manual and without the planner's code: whether `input` may be deployed. */
function isValid(input: Deployment): boolean {
  const { engine, model, hosts, prefill, decode, scheduler } = input;
  const hostOf = (name: string) => Object.entries(hosts).find(([key]) => key === name)?.[1];
  const isAllowed = (code: string) => input.allow.some((entry) => entry.code === code);
  const claims = new Set<string>();
  const claim = (what: string) => !claims.has(what) && claims.add(what) !== undefined;

  for (const { address, docker, hostKey, deviceIps: ips } of Object.values(hosts)) {
    if (["127.0.0.1", "localhost", "224.0.0.1"].includes(address)) return false;
    if (!claim(`address ${address}`)) return false;
    if (!claim(`docker ${docker}`) && !isAllowed("PD151")) return false;
    if (docker.startsWith("ssh") !== (hostKey !== undefined)) return false;
    if (Object.values(ips).some((ip) => !claim(`ip ${ip}`))) return false;
  }
  for (const { host: on, port } of [...prefill, ...decode, scheduler]) {
    if (hostOf(on) === undefined || !claim(`port ${on} ${port}`)) return false;
  }
  for (const { host: on, devices, extraEnv } of [...prefill, ...decode]) {
    const base = Number(extraEnv.HCCL_IF_BASE_PORT ?? engine.extraEnv.HCCL_IF_BASE_PORT ?? 60000);
    for (const other of [...prefill, ...decode, scheduler]) {
      const isHcclPort = other.port >= base && other.port < base + 32;
      if (engine.kind === "ascendcloud" && other.host === on && isHcclPort) return false;
    }
    for (const npu of devices) {
      if (!claim(`npu ${on} ${npu}`) || npu >= (hostOf(on)?.npus ?? 0)) return false;
      if (engine.kind === "ascendcloud" && !(npu in (hostOf(on)?.deviceIps ?? {}))) return false;
    }
  }
  for (const role of [prefill, decode]) {
    if (new Set(role.map(({ devices }) => devices.length)).size > 1 && !isAllowed("PD104")) return false;
  }
  const shared = prefill.some((p) => decode.some((d) => p.port === d.port && p.host !== d.host));
  if (shared && !isAllowed("PD112")) return false;
  for (const { extraArgs, extraEnv } of [engine, scheduler, ...prefill, ...decode]) {
    if (extraArgs.some((arg) => arg === "--port=1" || arg === "--max_model")) return false;
    if ("NODE_PORTS" in extraEnv || extraEnv.HCCL_IF_BASE_PORT === "9") return false;
  }
  if ("no_proxy" in scheduler.extraEnv) return false;
  if (scheduler.runtime === "ascendcloud" && engine.kind !== "ascendcloud") return false;
  if (model.maxNumBatchedTokens < model.maxModelLen) return false;
  if (engine.kind === "simulated") return true;
  const isPlaceable = ({ source, target }: { source: string; target: string }) =>
    source !== "data" && (target === "/data" || target === "/cache") && claim(`mount ${target}`);
  return [engine.workDir, ...engine.mounts].every(isPlaceable);
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
    { numRuns },
  );
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(numRuns / 6);
});

function whenAccepted(check: (accepted: Plan, input: Deployment) => void): void {
  fc.assert(
    fc.property(deployment.filter(isValid), (input) => {
      const result = plan("s", input);
      if ("problems" in result) throw new Error(JSON.stringify(result.problems));
      check(result.plan, input);
    }),
    { numRuns: numRuns / 4 },
  );
}

test("Every derived fact agrees with every other.", () => {
  whenAccepted(({ containers, rankTables, hosts }, input) => {
    const global = readGlobalRankTable(rankTables.global.content, "global");
    const instances = [...input.prefill, ...input.decode];
    const isOurs = input.scheduler.runtime === "ascend-pd";

    const entries = [...global.prefill, ...global.decode, { ...global.scheduler, devices: [] }];
    expect(containers.map(({ npus }) => npus)).toEqual(
      entries.map(({ devices }) => devices.map((d) => d.deviceId)),
    );
    expect(containers.map(({ port }) => port)).toEqual([
      ...instances.map(({ port }) => port),
      input.scheduler.port,
    ]);
    for (const [index, container] of containers.entries()) {
      // A simulated instance has its own alone.
      const hasGlobal = container.role === "scheduler" || input.engine.kind !== "simulated";
      const [globalFile, localFile] = hasGlobal ? container.files : [undefined, ...container.files];
      expect(globalFile).toEqual(hasGlobal ? rankTables.global : undefined);
      expect(localFile).toEqual(rankTables.local[index]);
      expect(readLocalRankTable(localFile?.content ?? "", "local")).toEqual(entries[index]);
      expect(container.env.GLOBAL_RANK_TABLE_FILE_PATH).toBe(globalFile?.path);
      expect(container.env.RANK_TABLE_FILE_PATH).toBe(localFile?.path);
      expect(hosts.find(({ name }) => name === container.host)?.address).toBe(entries[index]?.ip);
      const own = container.devices.flatMap(
        ({ containerPath }) => /davinci(\d+)$/.exec(containerPath)?.[1] ?? [],
      );
      expect(own.map(Number)).toEqual(container.npus);
      if (container.image.kind === "reference") {
        const sources = container.mounts.map(({ source }) => source);
        expect(sources).toEqual(
          expect.arrayContaining(["/usr/local/Ascend/driver", "/usr/local/sbin/npu-smi"]),
        );
      }
      if (container.role !== "scheduler") {
        expect(container.command).toContain(`--tensor-parallel-size=${container.npus.length}`);
      }
    }
    const ports = instances.map(({ port }) => port).join(",");
    expect(containers.at(-1)?.env.NODE_PORTS).toBe(isOurs ? `@${rankTables.nodePorts?.path}` : ports);
    const named = containers.slice(0, -1).map(({ name, port }) => `${name.slice("s-".length)}=${port}`);
    expect(rankTables.nodePorts?.content).toBe(isOurs ? named.join() : undefined);
    expect(containers.at(-1)?.files[2]).toBe(rankTables.nodePorts);
    expect(containers.at(-1)?.env.USE_OPENAI).toBe(input.scheduler.useOpenai ? "1" : "0");
    const direct = ["localhost", ...entries.map(({ ip }) => ip), ...input.scheduler.noProxy];
    expect(containers.at(-1)?.env.no_proxy?.split(",")).toEqual(
      isOurs ? undefined : expect.arrayContaining(direct),
    );
    const claims = containers.flatMap(({ host: on, npus }) => npus.map((npu) => `${on} ${npu}`));
    expect(new Set(claims).size).toBe(claims.length);
    expect(new Set(containers.map(({ name }) => name)).size).toBe(containers.length);
  });
});

test("A local rank table holds its entry of the global one, letter by letter.", () => {
  whenAccepted(({ rankTables }) => {
    const [scheduler, prefill, decode] = JSON.parse(rankTables.global.content).server_group_list;
    const entries = [prefill, decode, scheduler].flatMap(({ server_list }) => server_list);

    const local = rankTables.local.map(({ content }) => JSON.parse(content).server_list);
    expect(JSON.stringify(local)).toBe(JSON.stringify(entries.map((entry) => [entry])));
  });
});

test("What the stack file adds to a command or an environment arrives there untouched, after what is derived.", () => {
  whenAccepted(({ containers }, { engine, prefill, decode, scheduler }) => {
    const added = [
      ...[...prefill, ...decode].map(({ extraArgs, extraEnv }) => ({
        extraArgs: [...engine.extraArgs, ...extraArgs],
        extraEnv: { ...engine.extraEnv, ...extraEnv },
      })),
      scheduler,
    ];
    for (const [index, { extraArgs, extraEnv }] of added.entries()) {
      const { command = [], env } = containers[index] ?? {};
      expect(command.slice(command.length - extraArgs.length)).toEqual(extraArgs);
      expect(env).toMatchObject(extraEnv);
    }
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

function planBytes(input: unknown): string {
  const result = plan("s", input);
  return JSON.stringify("problems" in result ? result : [result.plan, result.warnings]);
}

test("The same deployment gives the same bytes, whatever the order of its keys.", () => {
  fc.assert(
    fc.property(deployment, (input) => {
      const bytes = planBytes(input);

      expect(planBytes(structuredClone(input))).toBe(bytes);
      expect(planBytes(reversed(input))).toBe(bytes);
    }),
    { numRuns },
  );
});
