import { createHash } from "node:crypto";
import { basename } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { plan as makePlan } from "../planning/make-plan.ts";
import type { ContainerPlan, Plan } from "../planning/plan.ts";
import { changedInput, onKubernetes, sampleInput } from "../planning/testing/sample-input.ts";
import { PdDeployment } from "./deployment.ts";
import { inTemporaryProject, planOfStack, type Registration, registrationsOf } from "./testing/mocks.ts";

inTemporaryProject();

function deployed(plan: Plan): Promise<Registration[]> {
  return registrationsOf(plan.stack, () => {
    new PdDeployment(plan.stack, { plan, nodeImage: "node:test" });
  });
}

const stacks = [
  "sim-1p1d",
  "sim-2p2d",
  "sim-2p2d-four-hosts",
  "vllm-cpu-1p1d",
  "1p1d",
  "2p2d",
  "2p2d-two-hosts",
  "vllm-ascend-1p1d",
  "vllm-ascend-2p2d-two-hosts",
];

describe.each(stacks)("stack %s", (stack) => {
  let plan: Plan;
  let registrations: Registration[];

  beforeAll(async () => {
    plan = await planOfStack(stack);
    registrations = await deployed(plan);
  });

  const ofType = (type: string) => registrations.filter((one) => one.type === type);
  const named = (type: string, name: string) => ofType(type).find((one) => one.name === name);

  test("Every container of the Plan becomes one Docker container with its properties and no other.", () => {
    const containers = ofType("Container");

    expect(containers.map(({ name }) => name).sort()).toEqual(plan.containers.map(({ name }) => name).sort());
    for (const container of plan.containers) {
      const image =
        container.image.kind === "source"
          ? named("SourceImage", `${container.image.folder}-on-${container.host}`)?.inputs.imageName
          : container.image.name;
      expect(named("Container", container.name)?.inputs).toEqual(inputsOf(container, stack, image));
    }
  });

  test("A container waits for its claim and its image, and its claim names its device nodes on the host.", () => {
    for (const { name, role, image, host, devices } of plan.containers) {
      if (role === "scheduler") continue;
      const built = {
        reference: [],
        assembled: [`Command vllm-on-${host}`],
        source: image.kind === "source" ? [`RemoteImage ${image.folder}-on-${host}`] : [],
      }[image.kind];
      expect(named("Container", name)?.dependencies).toEqual([`Command ${name}-npus`, ...built]);
      expect(probeOf(named("Command", `${name}-npus`))).toEqual({
        program: "node components/probes/claim-npus.ts",
        container: name,
        devices: devices.map(({ hostPath }) => hostPath),
        host: hostOf(plan, host),
        ...(image.kind === "reference" && { image: image.name }),
      });
    }
  });

  test("An image is built on a host once Node is in that host's engine.", () => {
    for (const { name, dependencies } of ofType("RemoteImage")) {
      const on = name.replace(/^.*-on-/, "");
      expect(dependencies).toEqual([`Command node-on-${on}`]);
      expect(probeOf(named("Command", `node-on-${on}`))).toEqual({
        program: "node components/probes/node-image.ts",
        host: hostOf(plan, on),
        image: "node:test",
      });
    }
  });

  test("An instance has its turn when the one before it of its role is back, whatever the other role does.", () => {
    const at = (resource: string) => registrations.findIndex(({ name }) => name === resource);
    for (const { name, role } of plan.containers) {
      const before = plan.containers.filter((one) => one.role === role && one.name < name).at(-1);
      if (before) expect(at(`${before.name}-membership`)).toBeLessThan(container(name));
    }

    function container(resource: string) {
      return registrations.findIndex(({ type, name }) => type === "Container" && name === resource);
    }
  });

  test("A gate waits for each container on its ready path, and is made anew with the container.", () => {
    for (const { name, host, port, readyPath, startTimeoutSeconds } of plan.containers) {
      const gate = named("Command", `${name}-ready`);
      expect(gate?.inputs.triggers).toEqual([`${name}-id`]);
      expect(gate?.dependencies).toEqual([`Container ${name}`]);
      expect(probeOf(gate)).toEqual({
        program: "node components/probes/await-ready.ts",
        container: name,
        url: `http://${hostOf(plan, host)?.address}:${port}${readyPath}`,
        timeoutSeconds: startTimeoutSeconds,
        host: hostOf(plan, host),
      });
    }
  });

  test("A membership is joined as its container is new, before it is ready, and drained before it goes.", () => {
    for (const { name, host, port, role } of plan.containers.slice(0, -1)) {
      const membership = named("Command", `${name}-membership`);
      expect(membership?.inputs).toMatchObject({
        create: "node components/probes/join.ts",
        delete: "node components/probes/drain.ts",
        triggers: [`${name}-id`],
      });
      expect(membership?.dependencies).toEqual([`Command ${stack}-scheduler-announced`, `Container ${name}`]);
      expect(membership?.deleteBeforeReplace).toBe(true);
      const { program: _, ...ready } = probeOf(named("Command", `${name}-ready`));
      expect(probeOf(membership)).toEqual({
        program: "node components/probes/join.ts",
        scheduler: {
          host: hostOf(plan, plan.containers.at(-1)?.host ?? ""),
          container: `${stack}-scheduler`,
          socket: plan.adminSocket,
        },
        role,
        address: `${hostOf(plan, host)?.address}:${port}`,
        api: plan.api,
        model: plan.servedModelName,
        ready,
      });
    }
    expect(plan.containers.at(-1)?.command).toContain(`--admin-socket=${plan.adminSocket}`);
  });

  test("The scheduler starts after every gate and membership, and is accepted by a completion after its own.", () => {
    const scheduler = plan.containers.at(-1);
    const gates = plan.containers
      .slice(0, -1)
      .flatMap(({ name }) => [`Command ${name}-ready`, `Command ${name}-membership`]);

    expect(named("Container", `${stack}-scheduler`)?.dependencies).toEqual(
      [...gates, `RemoteImage scheduler-on-${scheduler?.host}`].sort(),
    );
    const acceptance = named("Command", `${stack}-scheduler-first-completion`);
    const settled = `${stack}-scheduler-settled`;
    expect(acceptance?.inputs.triggers).toEqual([`${stack}-scheduler-id`, `${settled}-id`]);
    expect(acceptance?.dependencies).toEqual([`Command ${settled}`, `Container ${stack}-scheduler`]);
    expect(probeOf(acceptance)).toMatchObject({ url: plan.endpoint, model: plan.servedModelName });
  });

  test("A scheduler that runs is told of the instances before they join and when all have; its container stays.", () => {
    const [announced, settled] = ["announced", "settled"].map((one) =>
      named("Command", `${stack}-scheduler-${one}`),
    );
    const { global, local, nodePorts } = plan.rankTables;
    const instances = plan.containers
      .filter(({ role }) => role !== "scheduler")
      .map(({ role, name, host, port }) => ({
        role,
        name: name.slice(`${stack}-`.length),
        address: `${hostOf(plan, host)?.address}:${port}`,
      }));

    expect(named("Container", `${stack}-scheduler`)?.ignoreChanges).toEqual(["uploads"]);
    for (const told of [announced, settled]) {
      expect(JSON.parse(told?.inputs.stdin)).toEqual({ instances, global, local: local.at(-1), nodePorts });
    }
    expect(announced?.dependencies).toEqual([]);
    expect(settled?.inputs.triggers).toEqual([`${stack}-scheduler-id`, `${stack}-scheduler-announced-id`]);
    expect(settled?.dependencies).toEqual([
      `Command ${stack}-scheduler-announced`,
      `Command ${stack}-scheduler-ready`,
      `Container ${stack}-scheduler`,
    ]);
  });

  test("Every rank table that a container has is a resource that shows the table and the hash of its bytes.", () => {
    const placed = plan.containers.flatMap(({ files }) => files.map(({ path }) => path));
    const files = [plan.rankTables.global, ...plan.rankTables.local].filter(({ path }) =>
      placed.includes(path),
    );

    expect(ofType("RankTableFile")).toHaveLength(files.length);
    for (const { path, content } of files) {
      const sha256 = createHash("sha256").update(content).digest("hex");
      const table = JSON.parse(content);
      expect(named("RankTableFile", basename(path))?.inputs).toEqual({ path, table, sha256 });
    }
  });
});

test("Resources stand below what they belong to.", async () => {
  const registrations = await deployed(await planOfStack("sim-1p1d"));

  expect(outline(registrations)).toBe(`
PdDeployment sim-1p1d
  Command node-on-local
  Command sim-1p1d-scheduler-announced
  DecodeInstance sim-1p1d-decode-0
    Command sim-1p1d-decode-0-membership
    Command sim-1p1d-decode-0-ready
    Container sim-1p1d-decode-0
    NpuDevices sim-1p1d-decode-0-npus
      Command sim-1p1d-decode-0-npus
  Host local
    docker local
  PrefillInstance sim-1p1d-prefill-0
    Command sim-1p1d-prefill-0-membership
    Command sim-1p1d-prefill-0-ready
    Container sim-1p1d-prefill-0
    NpuDevices sim-1p1d-prefill-0-npus
      Command sim-1p1d-prefill-0-npus
  RankTableFile global_ranktable.json
  RankTableFile local_ranktable_sim-1p1d-decode-0.json
  RankTableFile local_ranktable_sim-1p1d-prefill-0.json
  RankTableFile local_ranktable_sim-1p1d-scheduler.json
  Scheduler sim-1p1d-scheduler
    Command sim-1p1d-scheduler-first-completion
    Command sim-1p1d-scheduler-ready
    Command sim-1p1d-scheduler-settled
    Container sim-1p1d-scheduler
  SourceImage scheduler-on-local
    RemoteImage scheduler-on-local
  SourceImage simulator-on-local
    RemoteImage simulator-on-local`);
});

test("Each of two hosts has a provider of its own, and what runs or is built on a host goes through it.", async () => {
  const plan = twoSimulatedHosts();

  const registrations = await deployed(plan);

  const throughDocker = registrations.filter(({ type }) => type === "Container" || type === "RemoteImage");
  expect(Object.fromEntries(throughDocker.map(({ name, provider }) => [name, provider]))).toEqual({
    "two-prefill-0": "docker host-a",
    "two-prefill-1": "docker host-b",
    "two-decode-0": "docker host-a",
    "two-decode-1": "docker host-b",
    "two-scheduler": "docker host-a",
    "simulator-on-host-a": "docker host-a",
    "simulator-on-host-b": "docker host-b",
    "scheduler-on-host-a": "docker host-a",
  });
});

describe("an instance over several hosts", () => {
  const part = (host: string, npu: number) => ({ host, devices: [npu] });
  const input = {
    ...sampleInput(),
    engine: { kind: "simulated" },
    decode: [
      { hosts: [part("host-a", 6), part("host-b", 6)], port: 8089 },
      { hosts: [part("host-b", 7), part("host-a", 7)], port: 8090 },
    ],
  };
  let plan: Plan;
  let registrations: Registration[];

  beforeAll(async () => {
    const result = makePlan("wide", input);
    if ("problems" in result) throw new Error(JSON.stringify(result.problems));
    plan = result.plan;
    registrations = await deployed(plan);
  });

  const find = (type: string, name: string) =>
    registrations.find((one) => one.type === type && one.name === `wide-${name}`);
  const members = ["decode-0", "decode-0-member-1"];

  test("It has a container on each of its hosts, which all hang on what they are made from.", () => {
    const definition = find("Command", "decode-0-definition");
    const planned = plan.containers.find(({ name }) => name === "wide-decode-0");

    for (const [index, name] of members.entries()) {
      const host = `host-${"ab"[index]}`;
      const container = find("Container", name);
      expect(container?.provider).toBe(`docker ${host}`);
      expect(container?.inputs.name).toBe(`wide-${name}`);
      expect(container?.dependencies).toEqual([
        "Command wide-decode-0-definition",
        `Command wide-${name}-npus`,
        `RemoteImage simulator-on-${host}`,
      ]);
      expect(find("Command", `${name}-npus`)?.dependencies).toEqual(["Command wide-decode-0-definition"]);
    }
    expect(definition?.deleteBeforeReplace).toBe(true);
    expect(definition?.inputs.triggers).toEqual([
      planned?.member?.definition,
      find("Container", "decode-0")?.inputs.image,
      find("Container", "decode-0-member-1")?.inputs.image,
    ]);
  });

  test("It has one gate and one membership, made anew with any of its containers.", () => {
    for (const part of ["ready", "membership"]) {
      const ids = members.map((name) => `wide-${name}-id`);
      expect(find("Command", `decode-0-${part}`)?.inputs.triggers).toEqual(ids);
      expect(find("Command", `decode-0-member-1-${part}`)).toBeUndefined();
    }
    const told = JSON.parse(find("Command", "scheduler-announced")?.inputs.stdin).instances;
    expect(told.map((one: { name: string }) => one.name)).toEqual([
      "prefill-0",
      "prefill-1",
      "decode-0",
      "decode-1",
    ]);
  });

  test("It has its turn as a whole: nothing of it is touched before the one before it is back.", () => {
    const at = (name: string) => registrations.findIndex((one) => one.name === `wide-${name}`);
    expect(at("decode-0-membership")).toBeLessThan(at("decode-1-definition"));
  });
});

test("The manual's own scheduler claims its device nodes and its image before it is replaced.", async () => {
  const input = sampleInput();
  const result = makePlan("own", { ...input, scheduler: { ...input.scheduler, runtime: "ascendcloud" } });
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  const { host, image, devices } = result.plan.containers.at(-1) ?? {};

  const registrations = await deployed(result.plan);

  const find = (type: string, name: string) =>
    registrations.find((one) => one.type === type && one.name === name);
  expect(find("Container", "own-scheduler")?.dependencies).toContain("Command own-scheduler-npus");
  expect(probeOf(find("Command", "own-scheduler-npus"))).toMatchObject({
    host: { name: host },
    image: image?.kind === "reference" && image.name,
    devices: devices?.map(({ hostPath }) => hostPath),
  });
  // It has no administration, so that its instances have no turns.
  expect(registrations.filter(({ name }) => /-(membership|announced|settled)$/.test(name))).toEqual([]);
  expect(find("Container", "own-scheduler")?.ignoreChanges ?? []).toEqual([]);
  expect(find("Container", "own-prefill-1")?.dependencies).toEqual(["Command own-prefill-1-npus"]);
});

test("A Plan with a container on a host that it does not have is refused.", async () => {
  const plan = { ...(await planOfStack("sim-1p1d")), hosts: [] };

  await expect(deployed(plan)).rejects.toThrow("on an unknown host local");
});

test("A Plan for a cluster is refused before any resource is declared.", () => {
  const result = makePlan("cluster", changedInput(onKubernetes()));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));

  expect(() => new PdDeployment("cluster", result)).toThrow(
    "cluster: its target is a Kubernetes cluster, and PdDeployment is for Docker Engines",
  );
});

function twoSimulatedHosts(): Plan {
  const limits = { sharedMemory: "2g", ulimits: { nofile: 65536, memlock: -1 } };
  const result = makePlan("two", { ...sampleInput(), engine: { kind: "simulated", ...limits } });
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

/** All inputs of a container: none beside these, so neither `privileged` nor `volumes`. */
function inputsOf(container: ContainerPlan, stack: string, image: string) {
  const { name, command, env, devices, mounts, files, user, restricted, stopTimeoutSeconds } = container;
  const { sharedMemoryMib, memoryMib, ipc, ulimits } = container;
  return {
    name,
    image,
    command,
    envs: Object.keys(env).map((key) => `${key}=${env[key]}`),
    devices,
    mounts: mounts.map((mount) => ({ type: "bind", ...mount })),
    uploads: files.map(({ path, content }) => ({ file: path, content, permissions: "0644" })),
    ...(restricted ? { capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges"] } : {}),
    ...(user === undefined ? {} : { user }),
    ...(sharedMemoryMib === undefined ? {} : { shmSize: sharedMemoryMib }),
    ...(memoryMib === undefined ? {} : { memory: memoryMib, memorySwap: memoryMib }),
    ...(ipc === undefined ? {} : { ipcMode: ipc }),
    ...(ulimits === undefined
      ? {}
      : { ulimits: Object.entries(ulimits).map(([name, soft]) => ({ name, soft, hard: soft })) }),
    networkMode: "host",
    restart: "unless-stopped",
    destroyGraceSeconds: stopTimeoutSeconds,
    stopTimeout: stopTimeoutSeconds,
    logDriver: "json-file",
    logOpts: { "max-size": "50m", "max-file": "3" },
    labels: [
      { label: "ascend-pd.stack", value: stack },
      { label: "ascend-pd.role", value: container.role },
      { label: "ascend-pd.host-network", value: expect.stringContaining("addresses and ports of the host") },
    ],
  };
}

function hostOf(plan: Plan, name: string) {
  return plan.hosts.find((host) => host.name === name);
}

function probeOf(gate: Registration | undefined) {
  return { program: gate?.inputs.create, ...JSON.parse(gate?.inputs.environment.PROBE) };
}

function outline(registrations: readonly Registration[], parent = "", indent = "\n"): string {
  return registrations
    .filter((one) => one.parent === parent)
    .map(({ type, name }) => `${type} ${name}`)
    .sort()
    .map((line) => `${indent}${line}${outline(registrations, line, `${indent}  `)}`)
    .join("");
}

test("An instance that had another name, in the other role, takes the place of what it was.", async () => {
  const plan = await planOfStack("sim-2p2d");
  const [first] = plan.containers;
  const was = { name: "sim-2p2d-old", role: "decode", host: "local", npus: [0], port: 1 } as const;

  const registrations = await registrationsOf(plan.stack, () => {
    const predecessors = new Map([[first?.name ?? "", was]]);
    new PdDeployment(plan.stack, { plan, predecessors, nodeImage: "node:test" });
  });

  const aliased = registrations.filter(
    ({ parent, aliases }) => parent.startsWith("PdDep") && aliases.length > 0,
  );
  expect(aliased.map(({ type, name, aliases }) => [type, name, aliases])).toEqual([
    ["PrefillInstance", "sim-2p2d-prefill-0", ["DecodeInstance sim-2p2d-old"]],
  ]);
});
