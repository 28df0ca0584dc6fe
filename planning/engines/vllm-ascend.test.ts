import { expect, test } from "vitest";
import { wantedHosts } from "../../host-checks/wanted.ts";
import { plan } from "../make-plan.ts";
import type { ContainerPlan } from "../plan.ts";
import { type Changes, changedInput, onVllmAscend } from "../testing/sample-input.ts";

function problemsOf(changes: Changes) {
  const result = plan("s", changedInput({ ...onVllmAscend(), ...changes }));
  return "problems" in result ? result.problems : result.warnings;
}

function planned(changes: Changes = {}) {
  const result = plan("s", changedInput({ ...onVllmAscend(), ...changes }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

const containersOf = (changes: Changes) => planned(changes).plan.containers;

/** What stands after `flag=` in a command. */
function argumentOf({ command }: ContainerPlan, flag: string): string | undefined {
  const given = command.find((one) => one.startsWith(`${flag}=`));
  return given?.slice(flag.length + 1);
}

const kvTransferOf = (container: ContainerPlan) =>
  JSON.parse(argumentOf(container, "--kv-transfer-config") ?? "null");

test("Both roles are told the sizes of both, and their own role and port.", () => {
  const changes = {
    "engine.prefill": { tensorParallel: 1, pipelineParallel: 2 },
    "engine.decode": { tensorParallel: 1, dataParallel: 2, expertParallel: true },
  };

  const [prefill, , decode] = containersOf(changes).map(kvTransferOf);

  const kv_connector_extra_config = {
    prefill: { dp_size: 1, tp_size: 1, pp_size: 2 },
    decode: { dp_size: 2, tp_size: 1 },
  };
  const kv_connector = "MooncakeConnectorV1";
  expect(prefill).toEqual({
    kv_connector,
    kv_role: "kv_producer",
    kv_port: 61064,
    kv_connector_extra_config,
  });
  expect(decode).toEqual({
    kv_connector,
    kv_role: "kv_consumer",
    kv_port: 61096,
    kv_connector_extra_config,
  });
});

test("Sizes of one are left to vLLM, others are arguments; so are a role's own limits.", () => {
  const [prefill, , decode] = containersOf({
    "engine.decode": { tensorParallel: 1, dataParallel: 2, expertParallel: true, maxNumSeqs: 40 },
  });

  const own = (container: ContainerPlan | undefined) =>
    container?.command.filter((one) => /parallel|seqs/.test(one) && !one.includes("{"));
  expect(own(prefill)).toEqual(["--tensor-parallel-size=2", "--max-num-seqs=256"]);
  expect(own(decode)).toEqual([
    "--tensor-parallel-size=1",
    "--data-parallel-size=2",
    "--enable-expert-parallel",
    "--max-num-seqs=40",
  ]);
});

test("An instance is told its host's address and interface, and what the stack file adds comes last.", () => {
  const [, onHostB] = containersOf({
    "hosts.host-b.interface": "enp1s0",
    "engine.extraEnv": { OMP_NUM_THREADS: "16", HCCL_BUFFSIZE: "256" },
    "prefill[1].extraArgs": ["--seed=1024"],
  });

  expect(onHostB?.env).toMatchObject({
    HCCL_IF_IP: "10.0.0.19",
    VLLM_HOST_IP: "10.0.0.19",
    HCCL_SOCKET_IFNAME: "enp1s0",
    GLOO_SOCKET_IFNAME: "enp1s0",
    TP_SOCKET_IFNAME: "enp1s0",
    OMP_NUM_THREADS: "16",
    HCCL_BUFFSIZE: "256",
  });
  expect(onHostB?.env).not.toHaveProperty("ASCEND_RT_VISIBLE_DEVICES");
  expect(onHostB?.command.at(-1)).toBe("--seed=1024");
});

test("Instances have no rank table; the scheduler's has their addresses and no device IP.", () => {
  const { plan } = planned({ "hosts.host-a.deviceIps": undefined, "hosts.host-b.deviceIps": undefined });

  const instances = plan.containers.filter(({ role }) => role !== "scheduler");
  expect(instances.flatMap(({ files }) => files)).toEqual([]);
  expect(instances.some(({ env }) => "RANK_TABLE_FILE_PATH" in env || "NODE_PORTS" in env)).toBe(false);
  const { server_group_list } = JSON.parse(plan.containers.at(-1)?.files[0]?.content ?? "null");
  expect(server_group_list[1].server_list[0]).toMatchObject({
    server_ip: "10.0.0.18",
    device: [{ device_id: "4", device_ip: "0.0.0.0" }, { device_ip: "0.0.0.0" }],
  });
});

test.each([
  [{}, ["--kv-connector=MooncakeConnectorV1", "--kv-lease=480"]],
  [
    { "engine.extraEnv": { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: "60" } },
    ["--kv-connector=MooncakeConnectorV1", "--kv-lease=60"],
  ],
  [
    { "engine.image": "quay.io/ascend/vllm-ascend:v0.26.0rc1" },
    ["--kv-connector=MooncakeConnectorV1", "--kv-lease=480", "--kv-release=reject"],
  ],
  [
    { "engine.image": "mirror:5000/vllm-ascend:nightly" },
    ["--kv-connector=MooncakeConnectorV1", "--kv-lease=480"],
  ],
  [
    {
      "engine.image": "quay.io/ascend/vllm-ascend:v0.26.0rc1",
      "engine.connector": "MooncakeHybridConnector",
    },
    ["--kv-connector=MooncakeConnectorV1", "--kv-lease=480"],
  ],
  [{ "engine.connector": "MooncakeLayerwiseConnector" }, ["--kv-connector=MooncakeLayerwiseConnector"]],
])("With %j the scheduler is told %j.", (changes, flags) => {
  const scheduler = containersOf(changes).at(-1);

  expect(scheduler?.command.filter((one) => one.startsWith("--kv-"))).toEqual(flags);
  expect(scheduler?.command.some((one) => one.startsWith("--handoff"))).toBe(false);
});

const LAYERWISE = { "engine.connector": "MooncakeLayerwiseConnector" };

test("Where prefill pushes layer by layer, both roles have that connector, and decode reaches the scheduler at its host.", () => {
  const containers = containersOf(LAYERWISE);

  const [prefill, , decode] = containers.map(kvTransferOf);
  expect([prefill.kv_connector, prefill.kv_role]).toEqual(["MooncakeLayerwiseConnector", "kv_producer"]);
  expect([decode.kv_connector, decode.kv_role]).toEqual(["MooncakeLayerwiseConnector", "kv_consumer"]);
  expect(decode.kv_connector_extra_config).toEqual(prefill.kv_connector_extra_config);
  expect(containers.at(-1)?.command).toContain("--metaserver-host=10.0.0.18");
});

test("Only that connector has a metaserver.", () => {
  expect(containersOf({}).at(-1)?.command.join()).not.toContain("metaserver");
});

test.each([
  [{ "scheduler.port": 9100 }, "engine.connector"],
  [{ "decode[0].port": 9102, "scheduler.extraArgs": ["--workers=3"] }, "engine.connector"],
  [{ "scheduler.extraArgs": ["--metaserver-port=9200", "--metrics-port", "9200"] }, "scheduler.extraArgs[1]"],
])("With %j a port of the metaserver is taken twice.", (changes, path) => {
  expect(problemsOf({ ...LAYERWISE, ...changes })).toMatchObject([{ code: "PD110", path }]);
  expect(problemsOf(changes)).toEqual([]);
});

test("The metaserver's address is derived, its port is not.", () => {
  const changes = { ...LAYERWISE, "scheduler.extraArgs": ["--metaserver-host=h", "--metaserver-port=9200"] };

  expect(problemsOf(changes)).toMatchObject([{ code: "PD131", path: "scheduler.extraArgs[0]" }]);
});

test("A host must have the driver's files, and what the stack file does not say of its NPUs is not wanted.", () => {
  const [host] = wantedHosts(planned({ "hosts.host-a.deviceIps": undefined }));

  expect(host?.mounts).toContainEqual({ source: "/etc/hccn.conf", kind: "file" });
  expect(host?.mounts.filter(({ kind }) => kind === undefined)).toEqual([]);
  expect(host?.npus).toContainEqual({ id: 4, deviceIp: undefined });
  expect(host?.ports).toContainEqual({ owner: "KV transfer", first: 61064, last: 61065, isEngines: true });
});

test.each([
  "--kv-transfer-config={}",
  "--kv_transfer_config",
  "--kv-transfer-config.kv_load_failure_policy=recompute",
  "--kv-tr",
  "-dp",
  "-dpl=1",
  "-pcp=2",
  "-ep",
  "--data-parallel-rank=1",
  "--enable-expert-parallel",
  "--no-enable-expert-parallel",
  "--no_enable_expert",
])("%s as an added argument is refused.", (flag) => {
  expect(problemsOf({ "decode[0].extraArgs": [flag] })).toMatchObject([
    { code: "PD131", path: "decode[0].extraArgs[0]" },
  ]);
});

test.each(["--no-enable-prefix-caching", "--enforce-eager", "--dtype=x.y", "--seed=1.5", "-O3"])(
  "%s as an added argument is fine.",
  (flag) => {
    expect(problemsOf({ "decode[0].extraArgs": [flag] })).toEqual([]);
  },
);

test("Variables that name the network are derived for instances alone.", () => {
  const extraEnv = { HCCL_IF_IP: "10.0.0.20", TP_SOCKET_IFNAME: "eth1" };

  expect(problemsOf({ "engine.extraEnv": extraEnv }).map(({ code }) => code)).toEqual(["PD132", "PD132"]);
  expect(problemsOf({ "scheduler.extraEnv": extraEnv })).toEqual([]);
});

test("What only the manual's line wants is asked of no public vLLM.", () => {
  const changes = {
    "model.maxModelLen": 40000,
    "decode[0].port": 8088,
    "decode[0].devices": [6],
    "decode[1].devices": [6],
    "decode[1].port": 8090,
    "prefill[0].port": 8089,
  };

  expect(problemsOf(changes)).toEqual([]);
});

test.each([
  ["engine.mounts", [{ source: "/x", target: "/etc/hccn.conf" }], "PD142"],
  ["engine.mounts", [{ source: "/x", target: "/vllm-workspace/vllm" }], "PD141"],
  ["scheduler.runtime", "ascendcloud", "PD160"],
  ["scheduler.port", 61065, "PD111"],
  ["engine.kvPort", 65281, "PD003"],
  ["engine.prefill", { tensorParallel: 0 }, "PD003"],
  ["engine.extraEnv", { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: "1m" }, "PD135"],
  ["engine.extraEnv", { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: "86401" }, "PD135"],
  ["model.maxNumBatchedTokens", 255, "PD136"],
  ["hosts.host-a.interface", "bond0,eth0", "PD003"],
  ["hosts.host-a.interface", undefined, "PD127"],
  ["engine.image", "quay.io/ascend/vllm-ascend:v0.23.0-a3-openeuler", "PD164"],
  ["engine.image", "quay.io/ascend/vllm-ascend:v0.23.0-a3@sha256:ab12", "PD164"],
])("%s as %j is refused by %s alone.", (path, value, code) => {
  expect(problemsOf({ [path]: value }).map((problem) => problem.code)).toEqual([code]);
});

test.each([
  ["engine.image", "quay.io/ascend/vllm-ascend:v0.9.1"],
  ["engine.image", "ours/vllm-ascend:v0.9.1"],
])("%s as %s has no connector.", (path, value) => {
  expect(problemsOf({ [path]: value }).map(({ code }) => code)).toEqual(["PD161"]);
});

test.each([
  ["v0.23.0-310p", "310p", []],
  ["v0.23.0-310p", "a2", ["PD164"]],
  ["v0.23.0", "310p", ["PD164"]],
  ["v0.23.0-a3", "a3", []],
])("The image %s on hosts of generation %s: %j.", (tag, generation, codes) => {
  const changes = {
    "engine.image": `quay.io/ascend/vllm-ascend:${tag}`,
    "hosts.host-a.generation": generation,
    "hosts.host-b.generation": generation,
  };

  expect(problemsOf(changes).map(({ code }) => code)).toEqual(codes);
});

test.each(["quay.io/ascend/vllm-ascend:main", "ours:v0.1.0", "vllm-ascend@sha256:ab"])(
  "Of an image that is called %s nothing is known, and nothing refused.",
  (image) => {
    expect(problemsOf({ "engine.image": image, "hosts.host-a.npus": 16 })).toEqual([]);
  },
);
