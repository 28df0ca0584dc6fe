import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import { changedInput } from "../testing/sample-input.ts";

function refusalOf(changes: Readonly<Record<string, unknown>>) {
  const result = plan("2p2d", changedInput(changes));
  return "problems" in result ? result.problems : [];
}

test.each<[path: string, value: unknown, where: string]>([
  ["hosts.host-a.docker", "ssh://root:hunter2@10.0.0.18", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "ssh://root%3ahunter2@10.0.0.18", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "ssh://root:hunter2/@10.0.0.18", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "ssh://root:hunter2@10.**.**.18", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "tcp://root:hunter2@10.0.0.18:2375", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "https://root:hunter2@10.0.0.18", "hosts.host-a.docker"],
  ["hosts.host-a.docker", "root:hunter2@10.0.0.18", "hosts.host-a.docker"],
  ["hosts.host-a.address", "root:hunter2@10.0.0.18", "hosts.host-a.address"],
  ["hosts.root:hunter2@host-c", "x", "hosts.[secret]"],
  ["engine.image", "ops:hunter2@registry.example/ascend-vllm:1", "engine.image"],
  ["model.path", "https://ops:hunter2@models.example/w", "model.path"],
  ["decode[0].host", ["host-a", "ssh://root:hunter2@host-b"], "decode[0].host[1]"],
  ["scheduler.noProxy", ["ops:hunter2@example.com"], "scheduler.noProxy[0]"],
  ["scheduler.extraArgs", ["--url=http://ops:hunter2@10.0.0.1"], "scheduler.extraArgs[0]"],
  ["ssh://root:hunter2@host-a", {}, "[secret]"],
])("A password in %s, %j, is PD013 and never printed.", (path, value, where) => {
  const problems = refusalOf({ [path]: value });

  expect(problems).toContainEqual(expect.objectContaining({ code: "PD013", path: where }));
  expect(JSON.stringify(problems)).not.toContain("hunter2");
});

test.each<[path: string, value: unknown, where: string]>([
  ["engine.extraArgs", ["--api-key=hunter2"], "engine.extraArgs[0]"],
  ["engine.extraArgs", ["--api-key", "hunter2"], "engine.extraArgs[1]"],
  ["engine.extraArgs", ["--api-k", "hunter2"], "engine.extraArgs[1]"],
  ["engine.extraArgs", ["--api_key hunter2"], "engine.extraArgs[0]"],
  ["engine.extraArgs", "--api-key=hunter2", "engine.extraArgs"],
  ["prefill[0].extraArgs", ["--hf-token=hunter2"], "prefill[0].extraArgs[0]"],
  ["decode[1].extraArgs", ["--ssl-keyfile-password", "hunter2"], "decode[1].extraArgs[1]"],
  ["scheduler.extraArgs", ["--api-key=hunter2"], "scheduler.extraArgs[0]"],
  ["engine.secretEnv", ["HF_TOKEN=hunter2"], "engine.secretEnv[0]"],
])("A credential in %s, %j, is PD014 and never printed.", (path, value, where) => {
  const problems = refusalOf({ [path]: value });

  expect(problems).toContainEqual(expect.objectContaining({ code: "PD014", path: where }));
  expect(JSON.stringify(problems)).not.toContain("hunter2");
});

test("A key in digits is not quoted either, though it is no text.", () => {
  const problems = refusalOf({ "engine.extraArgs": ["--api-key", 81726354] });

  expect(problems).toMatchObject([{ code: "PD014", path: "engine.extraArgs[1]" }]);
  expect(JSON.stringify(problems)).not.toContain("81726354");
});

test.each([
  ["engine", "--api-k", "name VLLM_API_KEY, which vLLM reads in its place, in `secretEnv` of engine"],
  ["decode[0]", "--hf_token", "name HF_TOKEN, which vLLM reads in its place, in `secretEnv` of engine"],
  ["scheduler", "--admin-password", "name its variable in `secretEnv` of scheduler"],
])("The fix for %s.extraArgs with %s names the variable and where it is declared.", (owner, flag, fix) => {
  const problems = refusalOf({ [`${owner}.extraArgs`]: [`${flag}=hunter2`] });

  expect(problems).toMatchObject([{ fix: `keep its value in ascend-pd:secretEnv, and ${fix}` }]);
});

test("What else is wrong is told at once.", () => {
  const problems = refusalOf({
    "hosts.host-a.docker": "ssh://root:hunter2@10.0.0.18",
    "engine.extraArgs": ["--api-key=hunter2", "--x=**"],
    "decode[0].prot": 8089,
  });

  expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
    "PD001 decode[0].prot",
    "PD014 engine.extraArgs[0]",
    "PD010 engine.extraArgs[1]",
    "PD013 hosts.host-a.docker",
  ]);
});

test("In the reason of an acknowledgement people may write of a flag.", () => {
  const reason = "clients send --api-key by themselves";

  const problems = refusalOf({ "prefill[1].devices": [4], allow: [{ code: "PD104", reason }] });

  expect(problems).toEqual([]);
});

test("Variables are left to the policy pack, which can be told of exceptions.", () => {
  expect(
    refusalOf({ "engine.extraEnv": { HF_TOKEN: "x", HTTP_PROXY: "http://ops:x@10.0.0.1:3128" } }),
  ).toEqual([]);
});
