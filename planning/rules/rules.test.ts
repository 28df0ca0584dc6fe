import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import type { Problem } from "../plan.ts";
import { put, sampleInput } from "../sample-input.ts";
import { stackFileSchema } from "../stack-file.ts";
import { rules } from "./index.ts";

type Changes = Readonly<Record<string, unknown>>;

/** Changes that break one rule and no other, what the user is told, and the changes that the fix asks for. */
interface Case {
  readonly breaks: string;
  readonly changes: Changes;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
  readonly mended: Changes;
  readonly stack?: string;
}

const cases: readonly Case[] = [
  {
    breaks: "PD101",
    changes: { "decode[1].host": "host-c" },
    path: "decode[1].host",
    message: 'there is no host "host-c"',
    fix: 'did you mean "host-a"?',
    mended: { "decode[1].host": "host-b" },
  },
  {
    breaks: "PD102",
    changes: { "decode[0].devices[1]": 5 },
    path: "decode[0].devices[1]",
    message: "NPU 5 on host-a is already used by prefill[0]",
    fix: "use a free NPU of host-a: 7",
    mended: { "decode[0].devices[1]": 7 },
  },
  {
    breaks: "PD103",
    changes: { "decode[0].devices[1]": 9 },
    path: "decode[0].devices[1]",
    message: "host-a has no NPU 9, only 0 to 7",
    fix: "use a free NPU of host-a: 7; or, if it is an A3 host, set hosts.host-a.npus to 16",
    mended: { "decode[0].devices[1]": 7 },
  },
  {
    breaks: "PD104",
    changes: { "prefill[1].devices": [4] },
    path: "prefill[1].devices",
    message: "1 NPU while prefill[0] has 2",
    fix: "give every prefill instance 2; if this is meant, add PD104 to `allow`",
    mended: { "prefill[1].devices": [4, 5] },
  },
  {
    breaks: "PD105",
    changes: { "decode[0].devices": [6], "decode[1].devices": [6] },
    path: "decode[0].devices",
    message: "decode instances have 1, prefill instances 2",
    fix: "give both equally many, unless this engine is known to cope",
    mended: { "decode[0].devices": [6, 7], "decode[1].devices": [6, 7] },
  },
  {
    breaks: "PD110",
    changes: { "scheduler.port": 8088 },
    path: "scheduler.port",
    message: "port 8088 on host-a is already taken by prefill[0]",
    fix: "choose another, e.g. 8090",
    mended: { "scheduler.port": 8090 },
  },
  {
    breaks: "PD111",
    changes: { "scheduler.port": 60030 },
    path: "scheduler.port",
    message: "HCCL uses the ports 60000 to 60031, of which 60030 is one",
    fix: "choose another, e.g. 60032",
    mended: { "scheduler.port": 60032 },
  },
  {
    breaks: "PD112",
    changes: { "prefill[1].port": 8090, "decode[0].port": 8090 },
    path: "decode[0].port",
    message: "port 8090 is also that of prefill[1], on host-b",
    fix: "choose another, e.g. 8091; if this is meant, add PD112 to `allow`",
    mended: { "decode[0].port": 8091 },
  },
  {
    breaks: "PD120",
    changes: { "hosts.host-b.address": "127.0.0.1" },
    path: "hosts.host-b.address",
    message: "127.0.0.1 does not lead to host-b from other hosts",
    fix: "put in the IPv4 address of host-b in the network that the hosts share",
    mended: { "hosts.host-b.address": "10.0.0.19" },
  },
  {
    breaks: "PD121",
    changes: { "hosts.host-b.address": "10.0.0.18" },
    path: "hosts.host-b.address",
    message: "10.0.0.18 is already the address of host-a",
    fix: "put in the address of host-b, or place its instances on host-a",
    mended: { "hosts.host-b.address": "10.0.0.19" },
  },
  {
    breaks: "PD122",
    changes: { "hosts.host-a.deviceIps.5": undefined },
    path: "hosts.host-a.deviceIps",
    message: "NPU 5, which prefill[0] uses, is not among them",
    fix: "add 5 with the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-a",
    mended: { "hosts.host-a.deviceIps.5": "29.0.0.23" },
  },
  {
    breaks: "PD123",
    changes: { "hosts.host-b.deviceIps.5": "29.0.0.23" },
    path: "hosts.host-b.deviceIps.5",
    message: "29.0.0.23 is already that of NPU 5 on host-a",
    fix: "put in the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-b",
    mended: { "hosts.host-b.deviceIps.5": "29.0.1.23" },
  },
  {
    breaks: "PD124",
    changes: { "hosts.host-b.deviceIps.5": "0.0.0.0" },
    path: "hosts.host-b.deviceIps.5",
    message: "no other NPU reaches 0.0.0.0",
    fix: "put in the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-b",
    mended: { "hosts.host-b.deviceIps.5": "29.0.1.23" },
  },
  {
    breaks: "PD130",
    changes: { "model.maxModelLen": 8192 },
    path: "model.maxNumBatchedTokens",
    message: "4096 is below maxModelLen, 8192",
    fix: "set it to 8192 or more",
    mended: { "model.maxNumBatchedTokens": 8192 },
  },
  {
    breaks: "PD140",
    changes: { "engine.workDir.source": "models" },
    path: "engine.workDir.source",
    message: '"models" is not an absolute path without `.` and `..`',
    fix: "write the path in full from /, e.g. /data/models",
    mended: { "engine.workDir.source": "/data/models" },
  },
  {
    breaks: "PD141",
    changes: { "engine.workDir.target": "/home/ma-user/models", "model.path": "/home/ma-user/models/qwen" },
    path: "engine.workDir.target",
    message: '"/home/ma-user/models" hides /home/ma-user, where the image lives',
    fix: "mount it elsewhere, e.g. to /data/models",
    mended: { "engine.workDir.target": "/data/models", "model.path": "/data/models/qwen" },
  },
  {
    breaks: "PD142",
    changes: { "engine.workDir.target": "/usr/local", "model.path": "/usr/local/qwen" },
    path: "engine.workDir.target",
    message: '"/usr/local" hides or lies in /usr/local/Ascend/driver',
    fix: "mount it elsewhere, e.g. to /data/models",
    mended: { "engine.workDir.target": "/data/models", "model.path": "/data/models/qwen" },
  },
  {
    breaks: "PD143",
    changes: { "model.path": "/data/models-2/qwen" },
    path: "model.path",
    message: '"/data/models-2/qwen" is not in workDir, which containers see as /data/models',
    fix: "mount the folder that holds it, unless the image does",
    mended: { "engine.workDir.target": "/data/models-2" },
  },
  {
    breaks: "PD150",
    changes: { "hosts.host-b.hostKey": undefined },
    path: "hosts.host-b.hostKey",
    message: "ssh://root@10.0.0.19:2222 needs one",
    fix: "add what `ssh-keyscan -p 2222 -t ed25519 10.0.0.19` prints after the host name, once you have checked it",
    mended: { "hosts.host-b.hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB" },
  },
  {
    breaks: "PD151",
    changes: { "hosts.host-b.docker": "ssh://root@10.0.0.18" },
    path: "hosts.host-b.docker",
    message: "ssh://root@10.0.0.18 is already that of host-a",
    fix: "put in that of host-b, e.g. ssh://root@10.0.0.19; if this is meant, add PD151 to `allow`",
    mended: { "hosts.host-b.docker": "ssh://root@10.0.0.19" },
  },
  {
    breaks: "PD100",
    stack: "_2p2d",
    changes: {},
    path: "(stack name)",
    message: '"_2p2d" cannot begin a container name',
    fix: "name the stack with a letter or digit first, e.g. 2p2d",
    mended: {},
  },
];

function problemsOf(changes: Changes, stack = "2p2d"): readonly Problem[] {
  const input = sampleInput();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  const result = plan(stack, input);
  return "problems" in result ? result.problems : result.warnings;
}

test.each(cases)(
  "$breaks is the only problem of what breaks it: with its place, its reason and its fix.",
  (one) => {
    const problems = problemsOf(one.changes, one.stack);

    const severity = rules.find(({ code }) => code === one.breaks)?.severity;
    const { path, message, fix } = one;
    expect(problems).toEqual([{ code: one.breaks, severity, path, message, fix }]);
  },
);

test.each(cases)("$breaks is gone when its fix is followed.", ({ changes, mended, stack }) => {
  const problems = problemsOf({ ...changes, ...mended }, stack?.replace("_", ""));

  expect(problems).toEqual([]);
});

const waivable = rules.filter((rule) => rule.waivable).map(({ code }) => code);

test.each(cases.filter(({ breaks }) => waivable.includes(breaks)))(
  "$breaks is gone when the stack file allows it.",
  ({ breaks, changes }) => {
    const problems = problemsOf({ ...changes, allow: [breaks] });

    expect(problems).toEqual([]);
  },
);

test("A stack file may allow exactly the rules that can be waived.", () => {
  const codes = stackFileSchema.shape.allow.unwrap().element.options;

  expect(codes).toEqual(waivable);
});

test("Every rule has a case here, a code of its own, and its place in the order of codes.", () => {
  const codes = rules.map(({ code }) => code);

  expect(codes).toEqual([...new Set(codes)].sort());
  expect(codes).toEqual(cases.map(({ breaks }) => breaks).sort());
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
  ["decode[0].port", 8088, "PD110"],
  ["decode[0].port", 60000, "PD111"],
  ["decode[0].port", 60031, "PD111"],
])("%s as %s is refused by %s.", (path, value, code) => {
  const problems = problemsOf({ [path]: value, allow: ["PD112"] });

  expect(problems.map((problem) => problem.code)).toEqual([code]);
});

test("Equal ports of prefill and decode on one host are one problem, and no opt-out allows them.", () => {
  const problems = problemsOf({ "decode[0].port": 8090, "prefill[0].port": 8090 });

  expect(problems.map(({ code }) => code)).toEqual(["PD110"]);
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
