import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, test } from "vitest";
import { plan as makePlan } from "../planning/make-plan.ts";
import { changedInput, onKubernetes } from "../planning/testing/sample-input.ts";
import { PdDeployment } from "./deployment.ts";
import { idleCredentials, secretMistakes } from "./secrets.ts";
import { inTemporaryProject, type Registration, registrationsOf } from "./testing/mocks.ts";

inTemporaryProject();
afterEach(() => pulumi.runtime.setAllConfig({}));

const auth = '[{"address": "quay.io", "username": "robot", "password": "sesame"}]';
/** As Pulumi marks a secret on its way to the engine. */
const secret = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

function planned(changes: Readonly<Record<string, unknown>>) {
  const result = makePlan("two", changedInput(changes));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

async function deployed(changes: Readonly<Record<string, unknown>>): Promise<Registration[]> {
  const plan = planned(changes);
  return registrationsOf("two", () => {
    pulumi.runtime.setAllConfig({
      "ascend-pd:secretEnv": '{"HF_TOKEN": "hf_canary", "VLLM_API_KEY": "sk-canary"}',
      "ascend-pd:registryAuth": auth,
    });
    new PdDeployment("two", { plan, nodeImage: "node:test" });
  });
}

test("A variable whose value is a secret goes to the containers that name it, as a secret, beside plain ones.", async () => {
  const registrations = await deployed({ "engine.secretEnv": ["HF_TOKEN"] });

  const containers = registrations.filter(({ type }) => type === "Container");
  const holders = containers.filter(({ inputs }) => JSON.stringify(inputs).includes("hf_canary"));
  expect(holders.map(({ name }) => name).sort()).toEqual([
    "two-decode-0",
    "two-decode-1",
    "two-prefill-0",
    "two-prefill-1",
  ]);
  expect(holders[0]?.inputs.envs).toContainEqual(secret("HF_TOKEN=hf_canary"));
  expect(holders[0]?.inputs.envs).toContainEqual(expect.stringMatching(/^NODE_PORTS=/));
  expect(holders[0]?.inputs.labels).toContainEqual({ label: "ascend-pd.secret-env", value: "HF_TOKEN" });
});

test("The key of engines goes to those that ask them, as a secret: the scheduler, and who joins an instance.", async () => {
  const registrations = await deployed({ "engine.secretEnv": ["VLLM_API_KEY"] });

  const holders = registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("sk-canary"));
  const membership = holders.find(({ name }) => name === "two-decode-0-membership");
  expect(holders.map(({ name }) => name).sort()).toEqual(
    ["decode-0", "decode-1", "prefill-0", "prefill-1"]
      .flatMap((instance) => [`two-${instance}`, `two-${instance}-membership`])
      .concat("two-scheduler")
      .sort(),
  );
  expect(membership?.inputs.stdin).toEqual(secret("sk-canary"));
});

test("Registry credentials go to the claims of images that may be pulled, by standard input, as a secret.", async () => {
  const registrations = await deployed({});

  const told = registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("sesame"));
  expect(told.map(({ name }) => name).sort()).toEqual([
    "two-decode-0-npus",
    "two-decode-1-npus",
    "two-prefill-0-npus",
    "two-prefill-1-npus",
  ]);
  for (const { inputs } of told) expect(inputs.stdin).toEqual(secret(auth));
});

test("Credentials for a registry of no image are named, whatever the others are called.", async () => {
  const plan = planned({ "engine.image": "quay.io/ascend/vllm-ascend:v0.23.0" });
  const entry = (address: string) => ({ address, username: "robot", password: "sesame" });
  const entries = [
    entry("https://QUAY.io:443/v2/"),
    entry("https://index.docker.io/v1/"),
    { username: "robot" },
  ];
  let idle: string[] = [];

  await registrationsOf("two", () => {
    pulumi.runtime.setAllConfig({ "ascend-pd:registryAuth": JSON.stringify(entries) });
    idle = idleCredentials(plan);
  });

  expect(idle).toEqual([
    expect.stringMatching(
      /^ascend-pd:registryAuth\[1\] is for docker\.io, of which .*\nfix: .* here quay\.io, or remove/,
    ),
    expect.stringMatching(/^ascend-pd:registryAuth\[2\] has no address\n/),
  ]);
  expect(idle.join()).not.toContain("sesame");
});

test("A secret that is named and not there, or not encrypted, is a mistake with the command that mends it.", async () => {
  const plan = planned({ "scheduler.secretEnv": ["API_KEY", "HF_TOKEN"] });
  let mistakes: string[] = [];

  await registrationsOf("two", () => {
    pulumi.runtime.setAllConfig({ "ascend-pd:secretEnv": '{"HF_TOKEN": "hf_canary"}' });
    mistakes = secretMistakes(plan);
  });

  expect(mistakes).toEqual([
    expect.stringMatching(/^ascend-pd:secretEnv is not encrypted\nfix: .*--secret --path/),
    "ascend-pd:secretEnv has no API_KEY\n" +
      "fix: `pulumi config set --stack two --secret --path 'ascend-pd:secretEnv.API_KEY'`",
  ]);
});

test("A stack on a cluster needs no secrets in its configuration: its pods have them from there.", async () => {
  const plan = planned({ ...onKubernetes(), "scheduler.secretEnv": ["API_KEY"] });

  expect(secretMistakes(plan)).toEqual([]);
});
