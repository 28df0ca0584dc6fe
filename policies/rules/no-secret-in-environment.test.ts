import { expect, test } from "vitest";
import { plan } from "../../planning/make-plan.ts";
import { sampleInput } from "../../planning/testing/sample-input.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noSecretInEnvironment } from "./no-secret-in-environment.ts";

const violationsWith = (props: object) => violationsOf(noSecretInEnvironment, resource("decode-0", props));

test.each([
  "API_KEY",
  "VLLM_API_KEY",
  "HF_TOKEN",
  "dbPassword",
  "AWS_SECRET_ACCESS_KEY",
  "no.secret",
  "API_KEY_2",
  "OBS_SK",
])("A value of the variable %s is reported without the value.", async (name) => {
  const violations = await violationsWith({ envs: [unknown, "NODE_PORTS=8088", `${name}=sk-hunter2`] });

  expect(violations).toEqual([`decode-0 has a credential in its environment: ${name}`]);
});

test.each([
  [["--api-key=sk-hunter2"], "--api-key"],
  [["--api-key", "sk-hunter2", "--port=8088"], "--api-key"],
  [["--port", "8088", "--hf-token", "hf_hunter2"], "--hf-token"],
  [["curl", "https://ops:hunter2@models.example/w"], "argument 1"],
  [["--url=https://ops:hunter2@models.example/w"], "--url"],
  [["--api_k", "sk-hunter2"], "--api_k"],
  [["--api-key", "sk-hunter2", "sk-hunter3"], "--api-key"],
  [["env", "HF_TOKEN=hf_hunter2", "vllm"], "HF_TOKEN"],
  [["sh", "-c", "vllm serve --api-key sk-hunter2"], "--api-key"],
])("A credential in the command %j is reported without the value.", async (command, where) => {
  const violations = await violationsWith({ command });

  expect(violations).toEqual([`decode-0 has a credential in its command: ${where}`]);
});

test.each([
  "http://ops:hunter2@10.0.0.1:3128",
  "http://ops%3Ahunter2@10.0.0.1:3128",
  "ops:hunter2@10.0.0.1:3128",
])("A proxy's password in %s is reported by the variable's name.", async (proxy) => {
  const violations = await violationsWith({ envs: [`http_proxy=${proxy}`] });

  expect(violations).toEqual(["decode-0 has a credential in its environment: http_proxy"]);
});

test.each([
  { envs: ["API_KEY_FILE=/run/secrets/api-key", "API_KEY=", "API_KEY", "PWD=/", "MAX_TOKENS=16"] },
  {
    envs: ["http_proxy=http://10.0.0.1:3128", "MODEL=s3://bucket/key@v1", "TOKENIZER_MODE=auto", "MONKEY=1"],
  },
  { command: ["--max-num-batched-tokens=4096", "--api-key-file", "/x", "--enable-token", "--port=1"] },
  { command: ["sh", "-c", "vllm serve --api-key $VLLM_API_KEY"] },
  { envs: unknown, command: [unknown] },
  {},
])("%j passes.", async (props) => {
  const violations = await violationsWith(props);

  expect(violations).toEqual([]);
});

test("A variable that the label names as a Pulumi secret passes, and no other.", async () => {
  const labels = [{ label: "ascend-pd.secret-env", value: "API_KEY,HF_TOKEN" }];

  const violations = await violationsWith({ labels, envs: ["HF_TOKEN=hf_hunter2", "OBS_SK=hunter2"] });

  expect(violations).toEqual(["decode-0 has a credential in its environment: OBS_SK"]);
});

test("What the planner gives to any container passes.", async () => {
  const result = plan("2p2d", sampleInput());
  if ("problems" in result) throw new Error("the sample breaks a rule");

  for (const { env, command } of result.plan.containers) {
    const envs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(await violationsWith({ envs, command })).toEqual([]);
  }
});
