import { expect, test } from "vitest";
import { holdsPassword, maskPasswords } from "./url-password.ts";

test.each([
  ["ssh://root:hunter2@10.0.0.18", "ssh://root:***@10.0.0.18"],
  ["ssh://root:hunter2@10.0.0.18:2222", "ssh://root:***@10.0.0.18:2222"],
  ["ssh://root%3Ahunter2@10.0.0.18", "ssh://root%3A***@10.0.0.18"],
  ["https://ops:h%40nter2@models.example/w", "https://ops:***@models.example/w"],
  ["http://ops:hunt@er2@proxy:3128/", "http://ops:***@proxy:3128/"],
  ["http://ops:hunt/er2@proxy:3128", "http://ops:***@proxy:3128"],
  ["http://ops:1234@proxy:3128", "http://ops:***@proxy:3128"],
  ["redis://:hunter2@10.0.0.1:6379", "redis://:***@10.0.0.1:6379"],
  ["HTTP://ops:hunter2@[fe80::1]:3128", "HTTP://ops:***@[fe80::1]:3128"],
  ['{"url": "redis://u:hunter2@h"} and more', '{"url": "redis://u:***@h"} and more'],
  ["http://10.0.0.1:80/ http://u:hunter2@h", "http://10.0.0.1:80/ http://u:***@h"],
])("%s is shown as %s.", (text, shown) => {
  expect(maskPasswords(text, "***")).toBe(shown);
  expect(holdsPassword(text)).toBe(true);
});

test.each([
  "ssh://root@10.0.0.18:2222",
  "ssh://user%40domain@10.0.0.18",
  "unix:///var/run/docker.sock",
  "http://10.0.0.18:9000/v1?model=a@b",
  "http://[fe80::1]:9000/a@b",
  "s3://bucket/key@v1",
  "qwen:7b@int8",
  "a:b@c",
])("%s holds none.", (text) => {
  expect(maskPasswords(text, "***")).toBe(text);
  expect(holdsPassword(text)).toBe(false);
});

test.each([
  ["docker", "root:hunter2@10.0.0.18"],
  ["docker", "ssh://root:hunt?er 2@10.0.0.18"],
  ["docker", "tcp://root:hunter2@10.0.0.18:2375"],
  ["image", "ops:hunter2@registry.example/a/b:1"],
  ["image", "ops:hunter2@registry.example/a/b:1@sha256:abc"],
  ["http_proxy", "ops:hunter2@10.0.0.1:3128"],
  ["--proxy", "ops:hunter2@10.0.0.1:3128"],
])("As %s, %s holds a password, whole URL or not.", (name, text) => {
  expect(holdsPassword(text, name)).toBe(true);
});

test.each([
  ["image", "ascend-vllm:6.3.910@sha256:abc"],
  ["image", "registry:5000/a/b:1@sha256:0123"],
  ["docker", "unix:///srv/a:b@c.sock"],
  ["docker", "ssh://root@10.0.0.18:22"],
  ["no_proxy", "localhost,127.0.0.1"],
])("As %s, %s holds none.", (name, text) => {
  expect(holdsPassword(text, name)).toBe(false);
});
