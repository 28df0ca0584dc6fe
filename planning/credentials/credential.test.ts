import { expect, test } from "vitest";
import { isCredential, leaksIn } from "./credential.ts";

test.each([
  "HF_TOKEN",
  "API_TOKENS",
  "--api-key",
  "apiKey",
  "registryPassword",
  "AWS_SECRET_ACCESS_KEY",
  "privateKey",
  "DB_PASSWD",
  "Authorization",
  "credentials",
  "OBS_SK",
  "auths.registry.example.auth",
  "--api_key",
  "--api-k",
  "--api",
  "--hf_tok",
  "--kv-transfer-config.extra.password",
])("%s names a credential.", (name) => {
  expect(isCredential(name, "x")).toBe(true);
});

test.each([
  "--tokenizer",
  "--served-model-name",
  "hostKey",
  "API_KEY_FILE",
  "NODE_PORTS",
  "no_proxy",
  "keepalive",
  "monkey",
  "task",
  "authority",
  "tokenization_mode",
  "--a",
  "--h",
  "--api-server-count",
  "--hf-overrides",
])("%s names none.", (name) => {
  expect(isCredential(name, "x")).toBe(false);
});

test("A number of tokens is no credential, a number under another such name is.", () => {
  expect(isCredential("--max-num-batched-tokens", "4096")).toBe(false);
  expect(isCredential("--max-num-batched-tokens", "4.5k")).toBe(false);
  expect(isCredential("DB_PASSWORD", "4096")).toBe(true);
});

test.each([
  ["eos_token", "</s>"],
  ["--pad-token", "!"],
  ["--think-end-token", "</think>"],
  ["image_token", "[IMG]"],
  ["--enable-auth", "true"],
])("%s=%s is a token of text or a switch, no credential.", (name, value) => {
  expect(isCredential(name, value)).toBe(false);
});

test("Whatever stands under a name, it is judged.", () => {
  expect(isCredential("HF_TOKEN", { toString: 1, valueOf: null })).toBe(true);
  expect(isCredential("port", { toString: 1, valueOf: null })).toBe(false);
});

test("A shell's working folder is no credential, a password under the same letters is.", () => {
  expect(isCredential("PWD", "/srv")).toBe(false);
  expect(isCredential("PWD", "hunter2")).toBe(true);
  expect(isCredential("DB_PWD", "/srv")).toBe(true);
});

test.each<[readonly unknown[], string | undefined, number]>([
  [["--port=1", "--api-key=hunter2"], "--api-key", 1],
  [["--api-key", "hunter2"], "--api-key", 1],
  [["--api-k=hunter2"], "--api-k", 0],
  [["--api_key", 123456], "--api_key", 1],
  [["--api-key=-hunter2"], "--api-key", 0],
  [["--hf-token hunter2"], "--hf-token", 0],
  [["env", "HF_TOKEN=hunter2", "vllm"], "HF_TOKEN", 1],
  [["sh", "-c", "API_KEY='hunter2' vllm serve"], "API_KEY", 2],
  [["sh", "-c", 'vllm serve --api-key "hunter2"'], "--api-key", 2],
  [['--model-loader-extra-config={"s3": {"secret_key": "hunter2"}}'], "secret_key", 0],
  [["--proxy", "ops:hunter2@10.0.0.1:3128"], "--proxy", 1],
  [["--url=https://ops:hunter2@models.example/w"], "--url", 0],
  [["curl", "https://ops:hunter2@models.example/w"], undefined, 1],
  [["curl", "-H", "Authorization: Bearer hunter2"], "Authorization", 2],
  [["sh", "-c", "curl -H 'X-Api-Key:hunter2' localhost"], "X-Api-Key", 2],
  [["api_key: hunter2"], "api_key", 0],
  [["[db]\npassword = hunter2"], "password", 0],
  [["-----BEGIN RSA PRIVATE KEY-----\nhunter2"], "private key", 0],
  [['--kv-transfer-config={"remote_url":"redis://:hunter2@10.0.0.1"}'], "--kv-transfer-config", 0],
])("In %j the credential is found.", (args, name, index) => {
  expect(leaksIn(args)).toMatchObject([{ index, name }]);
});

test("Each of several values behind a flag is found, and nothing behind the next flag.", () => {
  const leaks = leaksIn(["--api-key", "hunter2", "hunter3", "--lora-modules", "a"]);

  expect(leaks.map(({ index }) => index)).toEqual([1, 2]);
});

test.each([
  [["--return-tokens-as-token-ids", "-tp", "2", "--allow-credentials"]],
  [["--api-key-file", "/run/secrets/key"]],
  [["--api-key"]],
  [["--api-key="]],
  [["sh", "-c", 'vllm serve --api-key "$VLLM_API_KEY"']],
  [["sh", "-c", 'curl -H "Authorization: Bearer $API_KEY" localhost']],
  [["http://10.0.0.18:8088", "a: b", "max_tokens: 4096", "-----BEGIN CERTIFICATE-----"]],
  [['--hf-overrides={"eos_token": "<|im_end|>", "max_tokens": 4096}']],
  [["--trust-remote-code", "--stop=<|im_end|>", "--tokenizer", "x"]],
  [[{ secure: "v1:Ob0g" }, null]],
])("In %j there is none.", (args) => {
  expect(leaksIn(args)).toEqual([]);
});
