import { expect, test } from "vitest";
import type { Problem } from "../../problems/problem.ts";
import { plan } from "../make-plan.ts";
import { cases, changesOf } from "../testing/rule-cases.ts";
import { type Changes, changedInput, sampleInput } from "../testing/sample-input.ts";
import { acknowledgeableCodes, documentedRules } from "./index.ts";

function problemsOf(changes: Changes, stack = "2p2d"): readonly Problem[] {
  const result = plan(stack, changedInput(changes));
  return "problems" in result ? result.problems : result.warnings;
}

/** Docker takes a name that begins with a digit, and Kubernetes does not. */
const stackOf = ({ stack, changes, target }: (typeof cases)[number]) =>
  stack ?? (target === "kubernetes" || "target" in changes ? "two" : undefined);

test.each(cases)(
  "$breaks is the only problem of what breaks it: with its place, its reason and its fix.",
  (one) => {
    const problems = problemsOf(changesOf(one), stackOf(one));

    const severity = documentedRules.find(({ code }) => code === one.breaks)?.severity;
    const { path, message, fix } = one;
    expect(problems).toEqual([{ code: one.breaks, severity, path, message, fix }]);
  },
);

test.each(cases)("$breaks is gone when its fix is followed.", (one) => {
  const problems = problemsOf({ ...changesOf(one), ...one.mended }, stackOf(one)?.replace("_", ""));

  expect(problems).toEqual([]);
});

test.each(cases.filter(({ breaks }) => acknowledgeableCodes.includes(breaks)))(
  "$breaks is gone when the stack file acknowledges it.",
  (one) => {
    const allow = [{ code: one.breaks, reason: "it is meant" }];
    const problems = problemsOf({ ...changesOf(one), allow }, stackOf(one));

    expect(problems).toEqual([]);
  },
);

test("Every warning can be acknowledged, but the one about acknowledgements, and of errors those that may be meant.", () => {
  const warnings = documentedRules.filter(({ severity }) => severity === "warning").map(({ code }) => code);

  expect(acknowledgeableCodes).toEqual(expect.arrayContaining(warnings.filter((code) => code !== "PD170")));
  expect(acknowledgeableCodes.filter((code) => !warnings.includes(code))).toEqual([
    "PD104",
    "PD112",
    "PD129",
    "PD134",
    "PD137",
    "PD139",
    "PD151",
    "PD152",
    "PD153",
    "PD164",
  ]);
});

test.each([
  ["hosts", Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`h${index}`, {}]))],
  ["decode[0].devices", Array.from({ length: 200_000 }, (_, npu) => npu)],
  ["engine.extraArgs", Array(200_000).fill("-x")],
])("%s of any size is one problem.", (path, value) => {
  expect(problemsOf({ [path]: value })).toMatchObject([{ code: "PD004", path }]);
});

test("What is nested without end is one problem.", () => {
  let value: unknown = [];
  for (let depth = 0; depth < 100_000; depth++) value = [value];

  expect(problemsOf({ "engine.mounts": value })).toMatchObject([{ code: "PD004" }]);
});

test("An acknowledgement says why.", () => {
  const problems = problemsOf({ allow: [{ code: "PD104", reason: "" }] });

  expect(problems).toMatchObject([{ code: "PD003", path: "allow[0].reason", message: "is empty" }]);
});

test("Of two acknowledgements of one problem the second is needless.", () => {
  const entry = { code: "PD104", reason: "it is meant" };

  const problems = problemsOf({ "prefill[1].devices": [4], allow: [entry, entry] });

  expect(problems).toMatchObject([{ code: "PD170", path: "allow[1]" }]);
});

test("Every rule has a case, a code of its own, and its place in the order of codes.", () => {
  const codes = documentedRules.map(({ code }) => code);

  expect(codes).toEqual([...new Set(codes)].sort());
  expect(codes).toEqual(cases.map(({ breaks }) => breaks));
});

test.each(
  cases.filter(({ breaks, path }) => /^PD1[01]/.test(breaks) && /^(prefill|decode|scheduler)/.test(path)),
)("The message of $breaks names the host beside the instance.", ({ message }) => {
  expect(message).toMatch(/host-[abc]/);
});

test.each([
  ["/home/ma-user", "PD141"],
  ["/home/ma-user/", "PD141"],
  ["//home//ma-user/a", "PD141"],
  ["/home", "PD141"],
  ["/", "PD141"],
  ["/data/../home/ma-user", "PD140"],
  ["/./home/ma-user", "PD140"],
  ["data", "PD140"],
  ["/etc", "PD142"],
  ["/etc/ascend-pd", "PD142"],
  ["/dev/shm", "PD142"],
])("A workDir at %s is refused by %s alone.", (target, code) => {
  const problems = problemsOf({ "engine.workDir.target": target, "model.path": `${target}/qwen` });

  expect(problems.map((problem) => problem.code)).toEqual([code]);
});

test.each(["/home/ma-user2", "/home/ma", "/data", "/mnt/home/ma-user", "/etcetera"])(
  "A workDir at %s is fine.",
  (target) => {
    expect(problemsOf({ "engine.workDir.target": target, "model.path": `${target}/qwen` })).toEqual([]);
  },
);

test.each([
  ["hosts.host-b.address", "localhost", "PD120"],
  ["hosts.host-b.address", "0.0.0.0", "PD120"],
  ["hosts.host-b.address", "169.254.1.1", "PD120"],
  ["hosts.host-b.deviceIps.5", "127.0.0.1", "PD124"],
  ["decode[0].devices[1]", 8, "PD103"],
  ["decode[0].port", 60000, "PD111"],
  ["decode[0].port", 60031, "PD111"],
])("%s as %s is refused by %s.", (path, value, code) => {
  const problems = problemsOf({ [path]: value });

  expect(problems.map((problem) => problem.code)).toEqual([code]);
});

test.each<[Changes, path: string, message: string, fix: string]>([
  [
    { "prefill[1].name": "a", "decode[0].name": "a", "decode[1].name": "a-2" },
    "decode[0].name",
    '"a" is the name of prefill[1] on host-b',
    "choose another, e.g. a-3",
  ],
  [
    { "decode[0].name": "scheduler" },
    "decode[0].name",
    '"scheduler" is the name of scheduler on host-a',
    "choose another, e.g. scheduler-2",
  ],
  [
    { "prefill[1].name": "prefill-0" },
    "prefill[1].name",
    '"prefill-0" is the name of prefill[0] on host-a, by its place',
    "choose another, or give prefill[0] one too",
  ],
  [
    { "decode[0].name": "prefill-7" },
    "decode[0].name",
    '"prefill-7", of decode on host-a, is the name of a place in `prefill`',
    "choose another, e.g. decode-a",
  ],
])("Names %j are one problem, PD119.", (changes, path, message, fix) => {
  const problems = problemsOf(changes);

  expect(problems).toEqual([{ code: "PD119", severity: "error", path, message, fix }]);
});

test.each<Changes>([
  { "prefill[0].name": "prefill-0", "decode[1].name": "decode-1" },
  { "prefill[0].name": "prefill-1", "prefill[1].name": "prefill-0" },
  { "prefill[1].name": "prefill-7", "decode[0].name": "a", "decode[1].name": "prefill-a" },
])("Names %j are fine.", (changes) => {
  expect(problemsOf(changes)).toEqual([]);
});

test("Equal ports of prefill and decode on one host are one problem, and no opt-out allows them.", () => {
  const problems = problemsOf({ "decode[0].port": 8090, "prefill[0].port": 8090 });

  expect(problems.map(({ code }) => code)).toEqual(["PD110"]);
});

test.each([
  [["--metrics-port=8089"], 0, "PD110", "port 8089 on host-a is already taken by decode[0]"],
  [["--admin-port", "9000"], 0, "PD110", "port 9000 on host-a is already taken by scheduler"],
  [
    ["--admin-port=1", "--metrics_port=1"],
    1,
    "PD110",
    "port 1 on host-a is already taken by scheduler.extraArgs[0]",
  ],
  [["--metrics-port=60001"], 0, "PD111", "port 60001 on host-a is one of HCCL's, 60000 to 60031"],
  [
    ["--metrics-port=40000"],
    0,
    "PD114",
    "an outgoing connection of host-a may hold port 40000, one of 32768 to 60999",
  ],
])("A port that %j gives to the scheduler is one of its host's.", (extraArgs, index, code, message) => {
  const problems = problemsOf({ "scheduler.extraArgs": extraArgs });

  expect(problems).toMatchObject([{ code, path: `scheduler.extraArgs[${index}]`, message }]);
});

test("Flags of the manual's own scheduler are taken for no ports.", () => {
  const problems = problemsOf({
    "scheduler.runtime": "ascendcloud",
    "scheduler.extraArgs": ["--metrics-port=8088"],
  });

  expect(problems).toEqual([]);
});

test("The next free port after the last one is the first.", () => {
  const problems = problemsOf({ "prefill[0].port": 65535, "scheduler.port": 65535 });

  expect(problems).toMatchObject([{ code: "PD110", fix: "choose another, e.g. 1024" }]);
});

const sharedHost = {
  "decode[0].extraEnv": { HCCL_IF_BASE_PORT: "65520" },
  "prefill[0].extraEnv": { HCCL_IF_BASE_PORT: "20000" },
};

test.each([
  [19999, []],
  [20000, ["port 20000 on host-a is one of HCCL's, 20000 to 20031"]],
  [20031, ["port 20031 on host-a is one of HCCL's, 20000 to 20031"]],
  [20032, []],
  [61000, []],
  [65535, ["port 65535 on host-a is one of HCCL's, 65520 to 65535"]],
])(
  "Where two instances of a host set HCCL's base port, port %i is checked against both.",
  (port, messages) => {
    const problems = problemsOf({ ...sharedHost, "scheduler.port": port });

    expect(problems.map(({ message }) => message)).toEqual(messages);
  },
);

test("HCCL's ports are reserved on hosts with NPUs in use, by an engine that uses HCCL, and nowhere else.", () => {
  const moved = {
    decode: [{ host: "host-a", devices: [6, 7], port: 8089 }],
    prefill: [{ host: "host-a", devices: [4, 5], port: 8088 }],
    scheduler: { host: "host-b", port: 60000 },
  };
  const simulated = { engine: { kind: "simulated" }, "scheduler.port": 60000 };

  expect([problemsOf(moved), problemsOf(simulated)]).toMatchObject([
    [{ code: "PD114" }],
    [{ code: "PD114" }],
  ]);
});

test("With the simulator, unlike numbers of NPUs in the roles are no warning.", () => {
  const one = { "decode[0].devices": [6], "decode[1].devices": [6] };

  expect(problemsOf({ ...one, engine: { kind: "simulated" } })).toEqual([]);
});

test("An NPU that no host can have is one problem, and npus: 16 is no way out.", () => {
  const problems = problemsOf({ "hosts.host-a.npus": 16, "decode[0].devices": [6, 16] });

  expect(problems).toMatchObject([
    { code: "PD103", fix: "use a free NPU of host-a: 7" },
    { code: "PD106", message: "on host-a it has NPU 6 without 7, the other die of the card" },
  ]);
});

test.each([
  [{ npus: 16, generation: "a2" }, []],
  [{ npus: 16 }, ["PD106"]],
  [{ npus: 8, generation: "a3" }, ["PD106"]],
  [{ npus: 16, generation: "310p" }, []],
  [{ npus: 7 }, ["PD103"]],
  [{ npus: 4 }, ["PD103", "PD103", "PD103", "PD103"]],
])("A host with %j has its own number and layout of NPUs.", (host, codes) => {
  const changes = Object.fromEntries(
    Object.entries(host).map(([key, value]) => [`hosts.host-b.${key}`, value]),
  );
  const lone = {
    "prefill[1].devices": [5, 4],
    "decode[1].devices": host.npus < 8 ? [6, 7] : [7, 3],
    "hosts.host-b.deviceIps.3": "29.0.1.21",
  };

  expect(problemsOf({ ...lone, ...changes }).map(({ code }) => code)).toEqual(codes);
});

test("A host without NPUs can have the scheduler, and says so of instances.", () => {
  const hosts = {
    "hosts.host-c": {
      address: "10.0.0.20",
      docker: "ssh://root@10.0.0.20",
      hostKey: "ssh-ed25519 AAAA",
      npus: 0,
    },
  };

  expect(problemsOf({ ...hosts, "scheduler.host": "host-c" })).toEqual([]);
  expect(problemsOf({ ...hosts, "decode[1].host": "host-c" })).toMatchObject([
    { code: "PD103", message: "host-c has no NPUs" },
    { code: "PD103", message: "host-c has no NPUs" },
  ]);
});

test("The manual's scheduler on a host without NPUs gets no device, and nothing of a driver.", () => {
  const hostC = {
    address: "10.0.0.20",
    docker: "ssh://root@10.0.0.20",
    hostKey: "ssh-ed25519 AAAA",
    npus: 0,
  };
  const changes = { "hosts.host-c": hostC, "scheduler.host": "host-c", "scheduler.runtime": "ascendcloud" };

  const result = plan("s", changedInput(changes));

  const scheduler = "plan" in result ? result.plan.containers.at(-1) : undefined;
  expect(scheduler).toMatchObject({ role: "scheduler", devices: [] });
  expect(scheduler?.mounts.map(({ source }) => source)).toEqual([
    "/etc/localtime",
    "/sys/fs/cgroup",
    "/data/models",
  ]);
});

test("Whole cards may come in any order, and several to an instance.", () => {
  const ips = { 0: "29.0.0.1", 1: "29.0.0.2", 2: "29.0.0.3", 3: "29.0.0.4", 6: "29.0.0.56", 7: "29.0.0.72" };
  const a3 = { "hosts.host-a.npus": 16, "hosts.host-a.deviceIps": ips };

  const problems = problemsOf({
    ...a3,
    "prefill[0].devices": [3, 0, 2, 1],
    "prefill[1].devices": [4, 5, 6, 7],
    decode: [{ host: "host-a", devices: [6, 7], port: 8089 }],
  });

  expect(problems.map(({ code }) => code)).toEqual(["PD105"]);
});

const derivedFlags = [
  "--tensor-parallel-size=4",
  "--tensor_parallel_size",
  "--tensor-par=4",
  "-tp",
  "-tp=4",
  "-pp2",
  "-q",
  "-qawq",
  "--max-num",
  "--host",
  "--model=/x",
  "--prefill-routing-policy=BLB",
  "-dp",
  "-dpl=1",
  "-TP=4",
  "--tp",
  "--pp_size=2",
  "--data_parallel_rank=1",
  "--data-parallel-size 2",
  "--data-parallel-address=127.0.0.1",
  "--nnodes=2",
  "-n2",
  "--node-rank",
  "--master-addr=127.0.0.1",
];

test.each(derivedFlags)(
  "%s as an added argument is refused, as vLLM would take it for a derived one.",
  (flag) => {
    const problems = problemsOf({ "engine.extraArgs": ["--seed", "1", flag] });

    expect(problems).toMatchObject([{ code: "PD131", path: "engine.extraArgs[2]" }]);
  },
);

test.each([
  "--model-loader-extra-config={}",
  "--hostname",
  "--dtype",
  "-O3",
  "port=1",
  "--quantization-param-path=x",
  "--no-enable-prefix-caching",
  "--distributed-executor-backend=mp",
])("%s as an added argument is fine.", (flag) => {
  expect(problemsOf({ "engine.extraArgs": [flag] })).toEqual([]);
});

test.each([
  [["--data-parallel-size=2"], ": tensor-parallel size 2 × 2 is 4, while prefill[0] has 2 NPUs"],
  [["-dp", "4"], ": tensor-parallel size 2 × 4 is 8, while prefill[0] has 2 NPUs"],
  [["--pp=2"], ": tensor-parallel size 2 × 2 is 4, while prefill[0] has 2 NPUs"],
  [["-tp4"], ": 4, while prefill[0] has 2 NPUs"],
  [["--tensor-parallel-size 8"], ": 8, while prefill[0] has 2 NPUs"],
  [["-tp", "2"], ""],
  [["-dp=1"], ""],
  [["--data-parallel-rank=3"], ""],
])("What %j would come to is said, where it does not fit.", (extraArgs, sum) => {
  const [problem, ...others] = problemsOf({ "engine.extraArgs": extraArgs });

  expect(others).toEqual([]);
  expect(problem?.code).toBe("PD131");
  expect(problem?.message.replace(/^.* is derived from [^:]*/, "")).toBe(sum);
});

test.each(["VLLM_DP_SIZE", "VLLM_DP_MASTER_IP", "TP_SIZE", "TENSOR_PARALLEL_SIZE", "PP", "RANK_TABLE_FILE"])(
  "A variable %s is refused: it says again what is derived.",
  (name) => {
    expect(problemsOf({ "engine.extraEnv": { [name]: "1" } }).map(({ code }) => code)).toEqual(["PD132"]);
  },
);

test.each(["PP_LAYERS", "VLLM_PP_LAYER_PARTITION", "MODEL", "N"])("A variable %s is fine.", (name) => {
  expect(problemsOf({ "engine.extraEnv": { [name]: "1" } })).toEqual([]);
});

const onHostA = {
  prefill: [{ host: "host-a", devices: [4, 5], port: 8088 }],
  decode: [{ host: "host-a", devices: [6, 7], port: 8089 }],
};

test.each([
  [
    { "engine.extraEnv": { HCCL_IF_IP: "127.0.0.1" } },
    "engine",
    "127.0.0.1 is only reached from its own machine, where prefill[0] runs: that is 10.0.0.18",
  ],
  [{ ...onHostA, "engine.extraEnv": { VLLM_HOST_IP: "localhost" } }, "engine", "localhost is only reached"],
  [
    { ...onHostA, "engine.extraEnv": { HCCL_IF_IP: "10.0.0.99" } },
    "engine",
    "10.0.0.99 is not the address of host-a",
  ],
  [{ ...onHostA, "engine.extraEnv": { HCCL_IF_IP: "eth0" } }, "engine", "eth0 is not the address of host-a"],
  [
    { "prefill[1].extraEnv": { HCCL_IF_IP: "10.0.0.18" } },
    "prefill[1]",
    "10.0.0.18 is not the address of host-b",
  ],
  [
    { "engine.extraEnv": { HCCL_IF_IP: "10.0.0.18" }, "prefill[1].extraEnv": { HCCL_IF_IP: "10.0.0.19" } },
    "engine",
    "10.0.0.18 is not the address of host-b, where decode[1] runs",
  ],
] as const)(
  "%j is refused once: the address is not that of a host it reaches.",
  (changes, place, message) => {
    const problems = problemsOf(changes);

    expect(problems).toMatchObject([{ code: "PD129" }]);
    expect(problems[0]?.path.startsWith(`${place}.extraEnv.`)).toBe(true);
    expect(problems[0]?.message).toContain(message);
  },
);

test.each([
  { ...onHostA, "engine.extraEnv": { HCCL_IF_IP: "10.0.0.18" } },
  { "prefill[0].extraEnv": { HCCL_IF_IP: "10.0.0.18" }, "prefill[1].extraEnv": { HCCL_IF_IP: "10.0.0.19" } },
  {
    "engine.extraEnv": { HCCL_IF_IP: "10.0.0.18" },
    "prefill[1].extraEnv": { HCCL_IF_IP: "10.0.0.19" },
    "decode[1].extraEnv": { HCCL_IF_IP: "10.0.0.19" },
  },
  { "engine.extraEnv": { HCCL_SOCKET_IFNAME: "eth0" } },
  { "hosts.host-a.interface": "bond0", "engine.extraEnv": { HCCL_SOCKET_IFNAME: "bond" } },
  { "hosts.host-a.interface": "bond0", "engine.extraEnv": { HCCL_SOCKET_IFNAME: "=eth0,bond0" } },
  { "hosts.host-a.interface": "bond0", "engine.extraEnv": { HCCL_SOCKET_IFNAME: "^docker,lo" } },
])("%j agrees with the hosts.", (changes) => {
  expect(problemsOf(changes)).toEqual([]);
});

test.each([
  [
    { "engine.extraEnv": { GLOO_SOCKET_IFNAME: "lo" } },
    "lo does not carry 10.0.0.18 on host-a, where prefill[0] runs",
  ],
  [{ "engine.extraEnv": { TP_SOCKET_IFNAME: "10.0.0.18" } }, "10.0.0.18 is an address"],
  [
    { "hosts.host-a.interface": "bond0", "engine.extraEnv": { HCCL_SOCKET_IFNAME: "^bond" } },
    "^bond is not bond0",
  ],
  [
    { "hosts.host-a.interface": "bond0", "decode[0].extraEnv": { HCCL_SOCKET_IFNAME: "=bond" } },
    "=bond is not bond0",
  ],
])("%j names an interface that does not carry the address.", (changes, message) => {
  expect(problemsOf(changes)).toMatchObject([{ code: "PD139", message: expect.stringContaining(message) }]);
});

test("A proxy's variables are the scheduler's derived ones, and an engine's own affair.", () => {
  const extraEnv = { no_proxy: "example.com", NO_PROXY: "example.com" };

  expect(problemsOf({ "engine.extraEnv": extraEnv })).toEqual([]);
  expect(problemsOf({ "scheduler.extraEnv": extraEnv }).map(({ code }) => code)).toEqual(["PD132", "PD132"]);
});

test("An address of no network is refused for a single host too.", () => {
  const input = sampleInput();
  const { "host-a": host } = input.hosts;
  const alone = { ...input, prefill: input.prefill.slice(0, 1), decode: input.decode.slice(0, 1) };

  const result = plan("1p1d", { ...alone, hosts: { "host-a": { ...host, address: "0.0.0.0" } } });

  expect(result).toMatchObject({ problems: [{ code: "PD120" }] });
});

test("A single host may be reached over loopback alone.", () => {
  const input = sampleInput();
  const { "host-a": host } = input.hosts;
  const result = plan("1p1d", {
    ...input,
    hosts: { "host-a": { ...host, address: "localhost" } },
    prefill: input.prefill.slice(0, 1),
    decode: input.decode.slice(0, 1),
  });

  expect(result).toMatchObject({ warnings: [] });
});

test("A hostKey without ssh is refused: nothing would check it.", () => {
  const problems = problemsOf({ "hosts.host-a.docker": "unix:///var/run/docker.sock" });

  expect(problems).toMatchObject([{ code: "PD150", path: "hosts.host-a.hostKey", fix: "remove it" }]);
});

test("The simulator needs no device IPs.", () => {
  const problems = problemsOf({
    engine: { kind: "simulated" },
    "hosts.host-a.deviceIps": undefined,
    "hosts.host-b.deviceIps": undefined,
  });

  expect(problems).toEqual([]);
});

test("Problems come in the order of their codes.", () => {
  const problems = problemsOf({
    "prefill[0].port": 9000,
    "decode[0].devices": [6, 5],
    "model.maxModelLen": 9999,
  });

  expect(problems.map(({ code }) => code)).toEqual(["PD102", "PD110", "PD130"]);
});
