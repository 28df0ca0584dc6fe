import { expect, test } from "vitest";
import { containerProperties, differences, propertiesOf } from "./properties.ts";
import { maskText } from "./secrets.ts";

test("A value that is not known yet says so.", () => {
  expect(maskText("04da6b54-80e4-46f7-96ec-b56ff0331ba9")).toBe("(known after the deployment)");
});

const canary = "c4n4ry-c4n4ry";

test.each([
  `HF_TOKEN=${canary} sh start.sh`,
  `login --password ${canary}`,
  `args=--api-key=${canary}`,
  `error: password: ${canary}`,
  `--secret='a ${canary}'`,
  `curl -H 'Authorization: Bearer ${canary}'`,
  `{"apiKey": "${canary}"}`,
  `registry:\n  password: ${canary}\n`,
  `http://user:${canary}@proxy:3128/`,
  `http://user:p@${canary}@proxy:3128/`,
  `http://user:p/${canary}@proxy:3128/`,
  `ssh://root%3A${canary}@10.0.0.18`,
  `--api-k=${canary}`,
  `sk-${canary}`,
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${canary}\n-----END OPENSSH PRIVATE KEY-----`,
  `-----BEGIN PRIVATE KEY-----\n${canary}`,
])("%j is shown without its credential.", (text) => {
  expect(maskText(text)).toContain("[secret]");
  expect(maskText(text)).not.toContain(canary);
});

test.each([
  "--max-num-batched-tokens=4096",
  "ssh://root@10.0.0.18",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z",
  "http://10.0.0.18:9000/v1?model=a@b",
  "the token is wrong",
])("%j is shown as it is.", (text) => {
  expect(maskText(text)).toBe(text);
});

const pulumiSecret = (value: object) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  ...value,
});

test.each<[string, object, object]>([
  ["a value under a credential's name", { password: canary }, { password: `${canary}2` }],
  ["all below such a name", { credentials: { user: canary } }, { credentials: { user: `${canary}2` } }],
  [
    "Pulumi's own secrets",
    { x: pulumiSecret({ plaintext: canary }) },
    { x: pulumiSecret({ ciphertext: canary }) },
  ],
  ["a credential in JSON in a string", { x: `{"token":"${canary}"}` }, { x: `{"token":"${canary}2"}` }],
  ["a list under such a name", { tokens: [canary] }, { tokens: [`${canary}2`] }],
  ["a flag in a list of words", { args: ["--password", canary] }, { args: ["--password", `${canary}2`] }],
])("Of %s only the change is shown.", (_, old, now) => {
  const changes = differences(propertiesOf(old), propertiesOf(now));

  expect(changes).toHaveLength(1);
  expect(JSON.stringify(changes)).toContain("[secret]");
  expect(JSON.stringify(changes)).not.toContain(canary);
});

test.each<[string, object]>([
  ["a variable", { envs: [`HF_TOKEN=${canary}`] }],
  ["a flag with its value", { command: [`--api-key=${canary}`] }],
  ["a flag before its value", { command: ["--api-key", canary] }],
  ["a shell's command line", { command: ["sh", "-c", `API_KEY=${canary} vllm serve`] }],
  ["a label", { labels: [{ label: "registry.password", value: canary }] }],
  ["a file", { uploads: [{ file: "/run/secrets/api_token", content: canary }] }],
])("A container's credential in %s is not shown.", (_, inputs) => {
  const changes = differences(new Map(), containerProperties(inputs));

  expect(JSON.stringify(changes)).toContain("[secret]");
  expect(JSON.stringify(changes)).not.toContain(canary);
});

test("Masking as much as is ever shown takes no more than a moment.", { timeout: 5_000 }, () => {
  for (const part of ["a", "-", "a=", "://", "a: ", '"', "--a ", "token="]) {
    maskText(part.repeat(20_000 / part.length));
  }
});
