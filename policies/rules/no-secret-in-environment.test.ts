import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, test } from "vitest";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import { plan } from "../../planning/make-plan.ts";
import { sampleInput } from "../../planning/testing/sample-input.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noSecretInEnvironment } from "./no-secret-in-environment.ts";

afterEach(() => pulumi.runtime.setAllConfig({}));

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
  {},
])("%j passes.", async (props) => {
  const violations = await violationsWith(props);

  expect(violations).toEqual([]);
});

const labels = [{ label: "ascend-pd.secret-env", value: "API_KEY,HF_TOKEN" }];

test("A variable that the label names as a Pulumi secret passes with that secret's value, and no other.", async () => {
  pulumi.runtime.setAllConfig({ "ascend-pd:secretEnv": '{"HF_TOKEN":"hf_hunter2"}' });

  const violations = await violationsWith({
    labels,
    envs: ["HF_TOKEN=hf_hunter2", "OBS_SK=hunter2", "API_KEY=hunter3"],
  });

  expect(violations).toEqual([
    "decode-0 has a credential in its environment: OBS_SK",
    "decode-0 calls API_KEY a secret, and ascend-pd:secretEnv has another value or none",
  ]);
});

test.each([
  ["entrypoint", { entrypoints: ["vllm", "serve", "--api-key=sk-hunter2"] }, "command: --api-key"],
  [
    "flag before the command",
    { entrypoints: ["vllm", "--api-key"], command: ["hunter2"] },
    "command: --api-key",
  ],
  [
    "health check",
    { healthcheck: { tests: ["CMD", "curl", "-H", "Authorization: Bearer hunter2", "localhost"] } },
    "health check: Authorization",
  ],
  [
    "header in a shell",
    { command: ["sh", "-c", "curl -H 'authorization:Basic aHVudGVy' localhost"] },
    "command: authorization",
  ],
  ["cookie", { command: ["curl", "--header=Cookie: session=hunter2"] }, "command: Cookie"],
  ["header in a variable", { envs: ["CURL_OPTIONS=-H 'X-Api-Key: hunter2'"] }, "environment: CURL_OPTIONS"],
  ["JSON in a variable", { envs: ['EXTRA={"password": "hunter2"}'] }, "environment: EXTRA"],
  ["label", { labels: [{ label: "backup.token", value: "hunter2" }] }, "labels: backup.token"],
  [
    "log option",
    { logDriver: "splunk", logOpts: { "splunk-token": "hunter2" } },
    "log options: splunk-token",
  ],
  [
    "upload",
    { uploads: [{ file: "/etc/engine.env", content: "A=1\nHF_TOKEN=hunter2\n" }] },
    "upload /etc/engine.env: HF_TOKEN",
  ],
  [
    "settings with blanks",
    { uploads: [{ file: "/a.ini", content: "[db]\npassword = hunter2\n" }] },
    "upload /a.ini: password",
  ],
  ["YAML", { uploads: [{ file: "/a.yaml", content: 'api_key: "hunter2"' }] }, "upload /a.yaml: api_key"],
  [
    "key",
    { uploads: [{ file: "/id", content: "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2" }] },
    "upload /id: private key",
  ],
  [
    "coded upload",
    { uploads: [{ file: "/a", contentBase64: Buffer.from("OBS_SK=hunter2").toString("base64") }] },
    "upload /a: OBS_SK",
  ],
])("A credential in another place is reported without the value: %s.", async (_, props, where) => {
  expect(await violationsWith(props)).toEqual([`decode-0 has a credential in its ${where}`]);
});

test.each([
  [
    "docker:index/volume:Volume",
    { driverOpts: { type: "cifs", o: "username=ops,password=hunter2" } },
    "options: password",
  ],
  [
    "docker:index/remoteImage:RemoteImage",
    { build: { buildArgs: { NPM_TOKEN: "hunter2" } } },
    "build: NPM_TOKEN",
  ],
  [
    "command:local:Command",
    { create: "curl -H 'Authorization: Bearer hunter2' a" },
    "command: Authorization",
  ],
  ["command:remote:Command", { environment: { HF_TOKEN: "hunter2" } }, "environment: HF_TOKEN"],
])("So is one of another resource: %s.", async (type, props, where) => {
  const violations = await violationsOf(noSecretInEnvironment, resource("other", props, type));

  expect(violations).toEqual([`other has a credential in its ${where}`]);
});

test("A file of this machine is uploaded only where the configuration lists it.", async () => {
  const props = { uploads: [{ file: "/key", source: "/root/.ssh/id_ed25519" }] };

  expect(await violationsWith(props)).toEqual([
    "decode-0 uploads /root/.ssh/id_ed25519 of this machine, which no policy has read",
  ]);
  const listed = resource("decode-0", props, undefined, { sources: ["/root/.ssh/id_ed25519"] });
  expect(await violationsOf(noSecretInEnvironment, listed)).toEqual([]);
});

test("What is not known yet is left to the engine, which says so.", async () => {
  await expect(violationsWith({ command: [unknown] })).rejects.toThrow("can't be known during preview");
});

test("What the planner gives to any container passes.", async () => {
  const result = plan("2p2d", sampleInput());
  if ("problems" in result) throw new Error("the sample breaks a rule");

  for (const container of result.plan.containers) {
    expect(await violationsWith(dockerContainer(container, "image", "2p2d"))).toEqual([]);
  }
});
