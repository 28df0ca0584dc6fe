import { expect, test } from "vitest";
import { parseStackFile } from "./read-stack-file.ts";
import { put, sampleInput } from "./testing/sample-input.ts";

function problemsOf(changes: Readonly<Record<string, unknown>>) {
  const input = sampleInput();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  const parsed = parseStackFile(input);
  return "problems" in parsed ? parsed.problems : [];
}

const blank = `\${image_id}`;

/** What is put where, and the problem that must be the only one. */
const cases = [
  [
    "prefil",
    [],
    "PD001",
    "prefil",
    'unknown key "prefil"',
    /^remove it; known here: version, engine, model, /,
  ],
  [
    "decode[0].batchingPolicy",
    "gtsf",
    "PD001",
    "decode[0].batchingPolicy",
    /unknown key/,
    /^remove it; known here: name, host/,
  ],
  [
    "model.maxModelLen",
    undefined,
    "PD002",
    "model.maxModelLen",
    '"maxModelLen" is missing',
    /^add it: longest request/,
  ],
  ["decode", null, "PD002", "decode", '"decode" has no value', /^add it: decode instances/],
  ["engine.kind", undefined, "PD002", "engine.kind", '"kind" is missing', /`kind: simulated`/],
  [
    "engine.kind",
    "simulate",
    "PD003",
    "engine.kind",
    /"simulate" is not one of ascendcloud, vllm-ascend, vllm, simulated/,
    'did you mean "simulated"?',
  ],
  ["decode", [], "PD003", "decode", "is empty", /^expected: decode instances/],
  ["decode", { host: "host-a" }, "PD003", "decode", "expected a list, got a group of keys", /^expected: /],
  [
    "decode[0].devices",
    [6, "7"],
    "PD003",
    "decode[0].devices[1]",
    'expected a number, got "7"',
    "write it without quotes: 7",
  ],
  ["decode[0].devices", [-1], "PD003", "decode[0].devices[0]", "-1 is below 0", /physical NPU ids/],
  [
    "decode[0].devices",
    [1.5],
    "PD003",
    "decode[0].devices[0]",
    "expected a whole number, got 1.5",
    /physical NPU ids/,
  ],
  ["decode[0].port", 80, "PD003", "decode[0].port", "80 is below 1024", /^expected: TCP port/],
  ["decode[0].port", 65536, "PD003", "decode[0].port", "65536 is above 65535", /^expected: TCP port/],
  ["model.servedName", 7, "PD003", "model.servedName", "expected text, got 7", 'put it in quotes: "7"'],
  [
    "model.servedName",
    "a b",
    "PD003",
    "model.servedName",
    '"a b" is not a model name: no white space, no leading hyphen',
    /^expected: /,
  ],
  [
    "model.servedName",
    "\u001B[31mqwen",
    "PD003",
    "model.servedName",
    /holds a line break or another invisible character$/,
    /^expected: /,
  ],
  ["model.path", "", "PD003", "model.path", "is empty", /^expected: where the weights lie/],
  [
    "prefill[0].batchingPolicy",
    "gtfs",
    "PD003",
    "prefill[0].batchingPolicy",
    '"gtfs" is not one of fcfs, gtsf',
    'did you mean "gtsf"?',
  ],
  [
    "scheduler.routingPolicy",
    "blb",
    "PD003",
    "scheduler.routingPolicy",
    /"blb" is not one of/,
    'did you mean "BLB"?',
  ],
  ["hosts.host-b.npus", 17, "PD003", "hosts.host-b.npus", "17 is above 16", /^expected: NPU device nodes/],
  [
    "hosts.host-b.address",
    "host-b",
    "PD003",
    "hosts.host-b.address",
    '"host-b" is not an IPv4 or IPv6 address',
    /e\.g\. 10\.0\.0\.18/,
  ],
  [
    "hosts.host-b.address",
    "fe80::1%eth0",
    "PD003",
    "hosts.host-b.address",
    '"fe80::1%eth0" has a zone, which is the name of an interface of one machine and means nothing on the others',
    /e\.g\. 10\.0\.0\.18 or 2001:db8::18/,
  ],
  [
    "hosts.host-b.address",
    "[2001:db8::19]",
    "PD003",
    "hosts.host-b.address",
    /^"\[2001:db8::19\]" is not an IPv4 or IPv6 address$/,
    /or 2001:db8::18/,
  ],
  [
    "hosts.host-b.docker",
    "ssh://root@2001:db8::19",
    "PD003",
    "hosts.host-b.docker",
    /is not a Docker endpoint/,
    /an IPv6 address in brackets/,
  ],
  [
    "hosts.host-b.docker",
    "ssh://root@[2001:db8:::19]:22",
    "PD003",
    "hosts.host-b.docker",
    /is not a Docker endpoint/,
    /an IPv6 address in brackets/,
  ],
  [
    "hosts.host-b.docker",
    "tcp://10.0.0.19:2375",
    "PD003",
    "hosts.host-b.docker",
    /is not a Docker endpoint/,
    /ssh:\/\/user@host/,
  ],
  [
    "hosts.host-b.hostKey",
    "SHA256:abc",
    "PD003",
    "hosts.host-b.hostKey",
    /is not a public host key/,
    /ssh-keyscan/,
  ],
  [
    "hosts.host-b.hostKey",
    "ssh-ed25519 AAAA -o ProxyCommand=x",
    "PD003",
    "hosts.host-b.hostKey",
    /is not a public host key/,
    /ssh-keyscan/,
  ],
  ["hosts.Host_B", {}, "PD003", "hosts.Host_B", /^"Host_B" is not a host name/, /^expected: machines/],
  [
    "hosts.host-b.deviceIps.eth0",
    "29.0.0.1",
    "PD003",
    "hosts.host-b.deviceIps.eth0",
    '"eth0" is not an NPU id',
    /hccn_tool/,
  ],
  [
    "hosts.host-b.deviceIps.4",
    "-.-.-.-",
    "PD003",
    "hosts.host-b.deviceIps.4",
    '"-.-.-.-" is not an IPv4 address',
    /hccn_tool/,
  ],
  [
    "hosts.host-b.deviceIps.4",
    "fe80::1",
    "PD003",
    "hosts.host-b.deviceIps.4",
    '"fe80::1" is not an IPv4 address',
    /hccn_tool/,
  ],
  [
    "hosts.host-b.deviceIps.4",
    "10.**.**.22",
    "PD010",
    "hosts.host-b.deviceIps.4",
    /placeholder \*\*/,
    "put in the real value",
  ],
  [
    "hosts.host-b.address",
    "xx.xx.xx.xx",
    "PD010",
    "hosts.host-b.address",
    /placeholder xx\.xx\.xx\.xx/,
    "put in the real value",
  ],
  [
    "hosts.host-b.hostKey",
    "ssh-ed25519 AAAA…",
    "PD010",
    "hosts.host-b.hostKey",
    /placeholder …/,
    "put in the real value",
  ],
  ["model.path", blank, "PD010", "model.path", /placeholder \$\{image_id\}/, "put in the real value"],
  ["model.servedName", "<name>", "PD010", "model.servedName", /placeholder <name>/, "put in the real value"],
  ["engine.image", "a b", "PD003", "engine.image", `"a b" is not an image's name or id`, /ascend-vllm/],
  ["model.path", "/data/xx/qwen", "PD010", "model.path", /placeholder xx$/, "put in the real value"],
  ["engine.image", "XXX", "PD010", "engine.image", /placeholder XXX$/, "put in the real value"],
  [
    "engine.extraArgs",
    [`--a=${blank}`],
    "PD010",
    "engine.extraArgs[0]",
    /placeholder/,
    "put in the real value",
  ],
  [
    "decode[0].extraEnv",
    { HCCL_IF_IP: "10.**.**.18" },
    "PD010",
    "decode[0].extraEnv.HCCL_IF_IP",
    /placeholder \*\*/,
    "put in the real value",
  ],
  [
    "engine.extraArgs",
    ["--a", 1],
    "PD003",
    "engine.extraArgs[1]",
    "expected text, got 1",
    'put it in quotes: "1"',
  ],
  ["engine.extraArgs", "--a", "PD003", "engine.extraArgs", 'expected a list, got "--a"', /one item each/],
  [
    "engine.extraEnv",
    { A: true },
    "PD003",
    "engine.extraEnv.A",
    "expected text, got true",
    'put it in quotes: "true"',
  ],
  [
    "decode[0].extraEnv",
    { "A B": "1" },
    "PD003",
    "decode[0].extraEnv.A B",
    `"A B" is not a variable's name`,
    /OMP_NUM_THREADS/,
  ],
  [
    "engine.extraArgs",
    ["--a\n--b"],
    "PD003",
    "engine.extraArgs[0]",
    /holds a line break or another invisible character$/,
    /passed on as it is/,
  ],
  [
    "model.path",
    "/data/\u200Bqwen",
    "PD003",
    "model.path",
    /holds a line break or another invisible character$/,
    /where the weights lie/,
  ],
  [
    "hosts.host-a.docker",
    "unix:///run/\u202Edocker.sock",
    "PD003",
    "hosts.host-a.docker",
    /holds a line break or another invisible character$/,
    /^expected: Docker endpoint/,
  ],
  [
    "scheduler.noProxy",
    ["a\u0007b"],
    "PD003",
    "scheduler.noProxy[0]",
    /holds a line break or another invisible character$/,
    /^expected: /,
  ],
  [
    "scheduler.noProxy",
    ["a,b"],
    "PD003",
    "scheduler.noProxy[0]",
    /is not one entry of no_proxy/,
    /always in it/,
  ],
  ["scheduler.useOpenai", 1, "PD003", "scheduler.useOpenai", "expected true or false, got 1", /USE_OPENAI/],
  [
    "scheduler.runtime",
    "ascend-cloud",
    "PD003",
    "scheduler.runtime",
    /is not one of ascend-pd, ascendcloud/,
    'did you mean "ascendcloud"?',
  ],
  [
    "decode[0].host",
    ["host-a", "host-b"],
    "PD011",
    "decode[0].host",
    "host-a and host-b in place of one host",
    /^say hosts: \[\{ host: host-a, devices: \[…\] \}, /,
  ],
  [
    "decode[0].hosts",
    [{ host: "host-a", devices: [6, 7] }],
    "PD011",
    "decode[0].host",
    "`hosts` says the same",
    "remove `host` and `devices`, or `hosts`",
  ],
  [
    "decode[0]",
    { devices: [6, 7], port: 8089 },
    "PD002",
    "decode[0].host",
    '"host" is missing',
    /^add it: name of the one host that it runs on, as in `hosts`, or `hosts` for several/,
  ],
  [
    "decode[0]",
    { hosts: [], port: 8089 },
    "PD003",
    "decode[0].hosts",
    "is empty",
    /^expected: hosts of one instance/,
  ],
  [
    "decode[0]",
    { hosts: [{ host: "host-a" }], port: 8089 },
    "PD002",
    "decode[0].hosts[0].devices",
    '"devices" is missing',
    /^add it: physical NPU ids/,
  ],
  [
    "allow",
    [{ code: "PD102", reason: "x" }],
    "PD003",
    "allow[0].code",
    /"PD102" is not one of PD104/,
    /^expected: code of a warning/,
  ],
] as const;

test.each(cases)("%s as %j is the one problem %s.", (at, value, code, path, message, fix) => {
  const problems = problemsOf({ [at]: value });

  expect(problems).toEqual([
    {
      code,
      severity: "error",
      path,
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    },
  ]);
});

test("A misspelt key is one problem, not an unknown key and a missing one.", () => {
  const problems = problemsOf({ "decode[0].devices": undefined, "decode[0].devies": [6, 7] });

  expect(problems).toMatchObject([
    { code: "PD001", path: "decode[0].devies", fix: 'did you mean "devices"?' },
  ]);
});

test("All problems of shape and all placeholders come at once, ordered by place.", () => {
  const problems = problemsOf({
    prefill: null,
    "model.maxNumSeqs": 0,
    "engine.image": blank,
    "decode[0].x": 1,
  });

  expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
    "PD001 decode[0].x",
    "PD010 engine.image",
    "PD003 model.maxNumSeqs",
    "PD002 prefill",
  ]);
});

test.each([undefined, null, [], "2p2d", 7])(
  "%j instead of a deployment is a problem of the whole.",
  (input) => {
    const parsed = parseStackFile(input);

    expect(parsed).toMatchObject({ problems: [{ path: "ascend-pd:deployment" }] });
  },
);

test("An AscendCloud key with the simulator is refused by name.", () => {
  const problems = problemsOf({ "engine.kind": "simulated", "engine.workDir": undefined });

  expect(problems).toMatchObject([
    { code: "PD001", path: "engine.image", fix: /known here: kind, startTimeoutSeconds/ },
  ]);
});

test.each([
  ["engine.extraArgs", ["--stop=<|im_end|>", "--think=<think>"]],
  ["engine.extraEnv", { PATTERN: "<a>" }],
  ["hosts.host-a.hostKey", "ssh-ed25519 AAAAC3xx/xx/XXxx+xx"],
  ["model.path", "/data/模型/qwen-é"],
  ["model.path", "/data/exxon/maxxx"],
  ["engine.image", "registry:5000/a/b@sha256:abc"],
])("%s may be %j: that is data, no placeholder.", (path, value) => {
  expect(problemsOf({ [path]: value })).toEqual([]);
});

test("What may be left out gets its default.", () => {
  const input = sampleInput();
  put(input, "model.maxNumSeqs", undefined);
  put(input, "hosts.host-b.npus", undefined);

  const parsed = parseStackFile(input);

  expect(parsed).toMatchObject({
    file: {
      engine: { extras: { extraArgs: [], extraEnv: {}, secretEnv: [] } },
      model: { maxNumSeqs: 256 },
      hosts: { "host-b": { npus: 8 } },
      scheduler: { runtime: "ascend-pd", routingPolicy: "RoundRobin", useOpenai: true, noProxy: [] },
      allow: [],
    },
  });
});

test.each([
  ["0.9", "change it as CHANGELOG.md says"],
  ["1.1", "use an ascend-pd that reads 1.1"],
  ["2.0", "use an ascend-pd that reads 2.0"],
  [1, 'write it in quotes: "1.0"'],
  ["one", 'write it in quotes: "1.0"'],
])("A file of version %s is refused by that reason alone, whatever else it has.", (version, fix) => {
  const result = parseStackFile({ ...sampleInput(), version, aKeyOfTomorrow: true });

  expect(result).toEqual({
    problems: [
      expect.objectContaining({ code: "PD005", path: "version", fix: expect.stringContaining(fix) }),
    ],
  });
});
