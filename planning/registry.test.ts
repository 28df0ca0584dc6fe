import { expect, test } from "vitest";
import { registryNamed, registryOf } from "./registry.ts";

test.each([
  [
    "docker.io",
    [
      "https://index.docker.io/v1/",
      "INDEX.docker.io",
      "registry-1.docker.io",
      "hub.docker.com",
      "docker.io:443",
    ],
  ],
  [
    "quay.io",
    ["https://quay.io", "quay.io/", "QUAY.IO", "quay.io:443", "https://quay.io/v2/", "quay.io/ascend"],
  ],
  ["registry.example.com:5000", ["http://registry.example.com:5000", "Registry.Example.com:5000/"]],
  ["registry.example.com", ["http://registry.example.com:80/", "https://robot@registry.example.com"]],
  ["registry.example.com:80", ["https://registry.example.com:80"]],
  ["[fd00::1]:5000", ["http://[FD00::1]:5000"]],
])("%s is known by all of its names.", (name, others) => {
  expect([name, ...others].map(registryNamed)).toEqual([name, ...others].map(() => name));
});

test.each([
  ["ascend-vllm:6.3.910", "docker.io"],
  ["library/debian", "docker.io"],
  ["index.docker.io/library/debian:13", "docker.io"],
  ["registry-1.docker.io/library/debian", "docker.io"],
  ["QUAY.io/ascend/vllm-ascend:v0.23.0", "quay.io"],
  ["quay.io:443/ascend/vllm-ascend", "quay.io"],
  ["registry.example.com:5000/a/b@sha256:00", "registry.example.com:5000"],
  ["localhost/a", "localhost"],
])("The image %s is of %s.", (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});
