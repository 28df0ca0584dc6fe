import { expect, test } from "vitest";
import { manualGlobalTable } from "../rank-tables/testing/manual-tables.ts";
import { plan } from "./make-plan.ts";
import type { ContainerPlan, Plan } from "./plan.ts";
import { put, sampleInput } from "./testing/sample-input.ts";

function planned(changes: Readonly<Record<string, unknown>> = {}, stack = "1p1d"): Plan {
  const input = sampleInput();
  input.prefill.pop();
  input.decode.pop();
  put(input, "hosts.host-b", undefined);
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  const result = plan(stack, input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

function containers(changes?: Readonly<Record<string, unknown>>) {
  const [prefill, decode, scheduler] = planned(changes).containers as [
    ContainerPlan,
    ContainerPlan,
    ContainerPlan,
  ];
  return { prefill, decode, scheduler };
}

test("The global rank table of the manual's example is the manual's, byte for byte.", () => {
  const { global } = planned().rankTables;

  expect(global.path).toBe("/etc/ascend-pd/global_ranktable.json");
  expect(global.content).toBe(manualGlobalTable);
});

test("Ranks follow the devices as typed: of [5, 4], NPU 5 is rank 0.", () => {
  const [local] = planned({ "prefill[0].devices": [5, 4] }).rankTables.local;

  expect(JSON.parse(local?.content ?? "").server_list[0].device).toEqual([
    { device_id: "5", device_ip: "29.0.0.23", rank_id: "0" },
    { device_id: "4", device_ip: "29.0.0.22", rank_id: "1" },
  ]);
});

test("An instance is called by its name, or by its place where it has none.", () => {
  const second = { host: "host-a", devices: [6, 7], port: 8090 };
  const list = { decode: [{ ...second, name: "long" }], "prefill[0].name": undefined };

  const { containers, rankTables } = planned(list, "s");

  expect(containers.map(({ name }) => name)).toEqual(["s-prefill-0", "s-long", "s-scheduler"]);
  expect(containers[1]?.files[1]?.path).toBe("/etc/ascend-pd/local_ranktable_s-long.json");
  expect(rankTables.nodePorts?.content).toBe("prefill-0=8088,long=8090");
});

test("An ascendcloud instance is started as the manual's steps two and three do.", () => {
  const { prefill } = containers();

  expect(prefill).toMatchObject({
    name: "1p1d-prefill-0",
    host: "host-a",
    image: { kind: "reference", name: "ascend-vllm:6.3.910" },
    user: "ma-user",
    readyPath: "/health",
    startTimeoutSeconds: 1800,
    stopTimeoutSeconds: 120,
    restricted: false,
  });
  expect(prefill.command).toEqual([
    "sh",
    "/home/ma-user/AscendCloud/AscendCloud-LLM/llm_tools/PD_separate/start_servers.sh",
    "--model=/data/models/qwen2.5-7b",
    "--tensor-parallel-size=2",
    "--max-model-len=4096",
    "--max-num-seqs=256",
    "--max-num-batched-tokens=4096",
    "--host=0.0.0.0",
    "--port=8088",
    "--served-model-name",
    "qwen2.5-7b",
  ]);
  expect(prefill.env).toEqual({
    GLOBAL_RANK_TABLE_FILE_PATH: "/etc/ascend-pd/global_ranktable.json",
    RANK_TABLE_FILE_PATH: "/etc/ascend-pd/local_ranktable_1p1d-prefill-0.json",
    NODE_PORTS: "8088,8089",
    USE_OPENAI: "1",
  });
  expect(prefill.devices.map(({ hostPath }) => hostPath)).toEqual([
    "/dev/davinci4",
    "/dev/davinci5",
    "/dev/davinci_manager",
    "/dev/devmm_svm",
    "/dev/hisi_hdc",
  ]);
  expect(prefill.devices.every(({ hostPath, containerPath }) => hostPath === containerPath)).toBe(true);
  expect(
    prefill.mounts.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ":ro" : ""}`),
  ).toEqual([
    "/etc/localtime:/etc/localtime:ro",
    "/usr/local/Ascend/driver:/usr/local/Ascend/driver:ro",
    "/etc/ascend_install.info:/etc/ascend_install.info:ro",
    "/var/log/npu:/usr/slog",
    "/usr/local/sbin/npu-smi:/usr/local/sbin/npu-smi:ro",
    "/sys/fs/cgroup:/sys/fs/cgroup:ro",
    "/data/models:/data/models",
  ]);
});

test("Optional flags of the manual appear where they are asked for, and only there.", () => {
  const { prefill, decode, scheduler } = containers({
    "model.quantization": "awq",
    "prefill[0].batchingPolicy": "gtsf",
  });

  expect(prefill.command.slice(-2)).toEqual(["--quantization=awq", "--prefill-batching-policy=gtsf"]);
  expect(decode.command.slice(-2)).toEqual(["qwen2.5-7b", "--quantization=awq"]);
  expect(scheduler.command.slice(-2)).toEqual(["--quantization=awq", "--prefill-routing-policy=RoundRobin"]);
});

test("The scheduler is given what step four of the manual gives, but for a number of NPUs, and no device or mount.", () => {
  const { scheduler } = containers({ "scheduler.routingPolicy": "BLB" });

  expect(scheduler).toMatchObject({
    name: "1p1d-scheduler",
    image: { kind: "source", folder: "scheduler" },
    npus: [],
    devices: [],
    mounts: [],
    restricted: true,
    readyPath: "/readyz",
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: 60,
  });
  expect(scheduler.command).toEqual([
    "--admin-socket=/dev/shm/ascend-pd-admin.sock",
    "--handoff=plain",
    "--model=/data/models/qwen2.5-7b",
    "--max-model-len=4096",
    "--max-num-seqs=256",
    "--max-num-batched-tokens=4096",
    "--host=0.0.0.0",
    "--port=9000",
    "--served-model-name",
    "qwen2.5-7b",
    "--prefill-routing-policy=BLB",
  ]);
  expect(scheduler.env).toEqual({
    GLOBAL_RANK_TABLE_FILE_PATH: "/etc/ascend-pd/global_ranktable.json",
    RANK_TABLE_FILE_PATH: "/etc/ascend-pd/local_ranktable_1p1d-scheduler.json",
    NODE_PORTS: "@/etc/ascend-pd/node_ports",
    USE_OPENAI: "1",
  });
  expect(scheduler.files.at(-1)).toEqual({
    path: "/etc/ascend-pd/node_ports",
    content: "prefill-0=8088,decode-0=8089",
  });
});

test("Another instance, on a host of its own, changes nothing of the scheduler's container but its files.", () => {
  const { files, ...scheduler } = containers().scheduler;

  const { hosts, decode } = sampleInput();
  const grown = planned({ "hosts.host-b": hosts["host-b"], "decode[1]": decode[1] }).containers.at(-1);

  expect({ ...grown, files: [] }).toEqual({ ...scheduler, files: [] });
  expect(files.at(-1)?.content).toBe("prefill-0=8088,decode-0=8089");
  expect(grown?.files.at(-1)?.content).toBe("prefill-0=8088,decode-0=8089,decode-1=8089");
});

test("The manual's own scheduler is an instance without NPUs, with the service entry's local table and no proxy.", () => {
  const { prefill, scheduler } = containers({
    "scheduler.runtime": "ascendcloud",
    "scheduler.useOpenai": false,
    "scheduler.noProxy": [".example.com", "10.0.0.18"],
  });

  expect(scheduler).toMatchObject({
    image: prefill.image,
    npus: [],
    mounts: prefill.mounts,
    user: "ma-user",
    restricted: false,
    readyPath: "/health",
  });
  expect(scheduler.devices).toEqual(prefill.devices.filter(({ hostPath }) => !/davinci\d/.test(hostPath)));
  expect(scheduler.command).toEqual([
    ...prefill.command.map((argument) => argument.replace("--port=8088", "--port=9000")),
    "--prefill-routing-policy=RoundRobin",
  ]);
  expect(scheduler.env).toEqual({
    ...prefill.env,
    RANK_TABLE_FILE_PATH: "/etc/ascend-pd/local_ranktable_1p1d-scheduler.json",
    no_proxy: "localhost,127.0.0.1,10.0.0.18,.example.com",
    NO_PROXY: "localhost,127.0.0.1,10.0.0.18,.example.com",
  });
  expect(JSON.parse(scheduler.files[1]?.content ?? "").server_list).toEqual([
    { server_id: "10.0.0.18", server_ip: "10.0.0.18" },
  ]);
});

test("USE_OPENAI is the same in every container, and the Plan says which API clients find.", () => {
  const { api, containers } = planned({ "scheduler.runtime": "ascendcloud", "scheduler.useOpenai": false });

  expect(api).toBe("vllm");
  expect(containers.map(({ env }) => env.USE_OPENAI)).toEqual(["0", "0", "0"]);
});

test("Added arguments follow the derived ones, those of the engine first; they are data to every shell.", () => {
  const { prefill, decode, scheduler } = containers({
    "engine.extraArgs": ["--trust-remote-code"],
    "decode[0].extraArgs": ["--seed", "1", "--stop=$(id); `id` | <|end|> && 'x'"],
    "scheduler.extraArgs": ["--drain-timeout=20"],
  });

  expect(prefill.command.slice(-2)).toEqual(["qwen2.5-7b", "--trust-remote-code"]);
  expect(decode.command.slice(-4)).toEqual([
    "--trust-remote-code",
    "--seed",
    "1",
    "--stop=$(id); `id` | <|end|> && 'x'",
  ]);
  expect(scheduler.command.slice(-2)).toEqual(["--prefill-routing-policy=RoundRobin", "--drain-timeout=20"]);
});

test.each([
  [["--drain-timeout=300"], 310],
  [["--drain_timeout", "0.5"], 11],
  [["--drain-timeout=300", "--drain-timeout=20"], 30],
  [["--drain-timeout=soon"], 60],
  [["--drain-timeout=1e9"], 60],
])("With %j Docker lets the scheduler finish its drain.", (extraArgs, seconds) => {
  const { scheduler } = containers({ "scheduler.extraArgs": extraArgs });

  expect(scheduler.stopTimeoutSeconds).toBe(seconds);
});

test("An instance's own variable wins over the engine's, and the scheduler has only its own.", () => {
  const { prefill, decode, scheduler } = containers({
    "engine.extraEnv": { OMP_NUM_THREADS: "10", A: "" },
    "decode[0].extraEnv": { OMP_NUM_THREADS: "20" },
    "scheduler.extraEnv": { B: "$HOME" },
  });

  expect(prefill.env).toMatchObject({ OMP_NUM_THREADS: "10", A: "" });
  expect(decode.env).toMatchObject({ OMP_NUM_THREADS: "20", A: "" });
  expect(scheduler.env).toMatchObject({ B: "$HOME" });
  expect(scheduler.env.A).toBeUndefined();
});

test("Mounts of the stack file come after the manual's, read-only unless it says otherwise.", () => {
  const { decode } = containers({
    "engine.mounts": [
      { source: "/etc/hccn.conf", target: "/etc/hccn.conf" },
      { source: "/data/cache", target: "/cache", readOnly: false },
    ],
  });

  expect(decode.mounts.slice(-3)).toEqual([
    { source: "/data/models", target: "/data/models", readOnly: false },
    { source: "/etc/hccn.conf", target: "/etc/hccn.conf", readOnly: true },
    { source: "/data/cache", target: "/cache", readOnly: false },
  ]);
});

test("A simulated instance has /dev/null behind its NPUs and addresses from the range for tests.", () => {
  const { decode } = containers({ engine: { kind: "simulated" }, "hosts.host-a.deviceIps": undefined });

  expect(decode).toMatchObject({
    image: { kind: "source", folder: "simulator" },
    mounts: [],
    restricted: true,
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: 10,
  });
  expect(decode.user).toBeUndefined();
  expect(decode.command).toContain("--role=decode");
  expect(decode.devices[0]).toEqual({
    hostPath: "/dev/null",
    containerPath: "/dev/davinci6",
    permissions: "rwm",
  });
  expect(Object.keys(decode.env)).toEqual(["RANK_TABLE_FILE_PATH"]);
  expect(decode.files[0]?.content).toContain('"device_ip": "198.18.0.7"');
});

test("Behind /generate a simulated decode instance asks prefill for the KV cache of a prompt.", () => {
  const { prefill, decode, scheduler } = containers({
    engine: { kind: "simulated" },
    "scheduler.useOpenai": false,
  });

  const kvFlags = (command: readonly string[]) => command.filter((flag) => /^--(kv|handoff)/.test(flag));
  expect(kvFlags(prefill.command)).toEqual(["--kv-lookup=prompt"]);
  expect(kvFlags(decode.command)).toEqual(["--kv-lookup=prompt", "--kv-peers=10.0.0.18:8088"]);
  expect(kvFlags(scheduler.command)).toEqual([]);
});

test("A device IP that is given stands, with the simulator too.", () => {
  const { decode } = containers({
    engine: { kind: "simulated" },
    "hosts.host-a.deviceIps": { 6: "29.0.0.56" },
  });

  const ips = [...(decode.files[0]?.content ?? "").matchAll(/"device_ip": "(.*)"/g)].map(([, ip]) => ip);
  expect(ips).toEqual(["29.0.0.56", "198.18.0.8"]);
});

test("Variables come sorted by name.", () => {
  const { scheduler } = containers();

  const names = Object.keys(scheduler.env);
  expect(names).toEqual([...names].sort());
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["localhost", "127.0.0.1"],
  ["10.0.0.18", "0.0.0.0"],
])("On a host whose address is %s servers listen on %s.", (address, bound) => {
  const { containers: all, endpoint } = planned({ "hosts.host-a.address": address });

  expect(all.every(({ command }) => command.includes(`--host=${bound}`))).toBe(true);
  expect(endpoint).toBe(`http://${address}:9000`);
});

test("A host without a Docker endpoint is planned without one.", () => {
  const { hosts } = planned({ "hosts.host-a.docker": undefined, "hosts.host-a.hostKey": undefined });

  expect(hosts).toEqual([{ name: "host-a", address: "10.0.0.18" }]);
});

test.each([
  ["ascend-pd", ["CANARY", "VLLM_API_KEY"]],
  ["ascendcloud", ["CANARY"]],
])(
  "Of the engines' secrets the scheduler %s has %j: ours shows them the key that they ask for.",
  (runtime, expected) => {
    const { scheduler, prefill } = containers({
      "engine.secretEnv": ["HF_TOKEN", "VLLM_API_KEY"],
      "scheduler.secretEnv": ["CANARY"],
      "scheduler.runtime": runtime,
    });

    expect(scheduler.secretEnv).toEqual(expected);
    expect(prefill.secretEnv).toEqual(["HF_TOKEN", "VLLM_API_KEY"]);
  },
);
