import { expect, test } from "vitest";
import { isCredential } from "./credential.ts";

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
])("%s names none.", (name) => {
  expect(isCredential(name, "x")).toBe(false);
});

test("A number of tokens is no credential, a number under another such name is.", () => {
  expect(isCredential("--max-num-batched-tokens", "4096")).toBe(false);
  expect(isCredential("DB_PASSWORD", "4096")).toBe(true);
});

test("A shell's working folder is no credential, a password under the same letters is.", () => {
  expect(isCredential("PWD", "/srv")).toBe(false);
  expect(isCredential("PWD", "hunter2")).toBe(true);
  expect(isCredential("DB_PWD", "/srv")).toBe(true);
});
