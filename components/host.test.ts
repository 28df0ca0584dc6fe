import { afterEach, expect, test, vi } from "vitest";
import type { HostPlan } from "../planning/plan.ts";
import { sshOptions } from "../planning/ssh-options.ts";
import { Host } from "./host.ts";
import { registrationsOf } from "./testing/mocks.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";
const sshHost: HostPlan = {
  name: "host-a",
  address: "10.0.0.18",
  docker: "ssh://root@10.0.0.18:2222",
  hostKey: key,
};

afterEach(() => {
  vi.unstubAllEnvs();
});

async function providerOf(host: HostPlan) {
  const registrations = await registrationsOf("test", () => {
    new Host(host.name, { host });
  });
  return registrations.find(({ type }) => type === "docker");
}

test("The provider of an ssh:// host accepts the pinned host key and no other, over one shared connection.", async () => {
  const provider = await providerOf(sshHost);

  expect(provider).toMatchObject({ name: "host-a", parent: "Host host-a" });
  expect(provider?.inputs.host).toBe("ssh://root@10.0.0.18:2222");
  expect(JSON.parse(provider?.inputs.sshOpts)).toEqual([
    ...["-o", "StrictHostKeyChecking=yes"],
    ...["-o", "UserKnownHostsFile=/dev/null"],
    ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ...["-o", `KnownHostsCommand=/bin/echo * ${key}`],
    ...["-o", "BatchMode=yes"],
    ...["-o", "ConnectTimeout=5"],
    ...["-o", "ServerAliveInterval=15"],
    ...["-o", "ControlMaster=auto"],
    ...["-o", expect.stringMatching(/^ControlPath=~\/\.ssh\/ascend-pd-[0-9a-f]{12}$/)],
    ...["-o", "ControlPersist=60"],
  ]);
});

test("A connection that was made under another key, user or address is not shared.", () => {
  const others = [
    { ...sshHost, hostKey: `${key.slice(0, -1)}A` },
    { ...sshHost, docker: "ssh://admin@10.0.0.18:2222" },
    { ...sshHost, docker: "ssh://root@10.0.0.19:2222" },
  ];

  const paths = [sshHost, ...others].map((host) =>
    sshOptions(host).find((one) => one.startsWith("ControlPath")),
  );

  expect(new Set(paths).size).toBe(4);
});

test("The provider of a host without an endpoint leaves the choice to DOCKER_HOST.", async () => {
  vi.stubEnv("DOCKER_HOST", undefined);
  const unset = await providerOf({ name: "local", address: "127.0.0.1" });
  vi.stubEnv("DOCKER_HOST", "unix:///run/other.sock");
  const set = await providerOf({ name: "local", address: "127.0.0.1" });

  expect(unset?.inputs).toEqual({ context: "" });
  expect(set?.inputs).toEqual({ context: "", host: "unix:///run/other.sock" });
});

test("The provider of a unix:// host has no ssh options.", async () => {
  const provider = await providerOf({ name: "local", address: "127.0.0.1", docker: "unix:///run/x.sock" });

  expect(provider?.inputs).toEqual({ context: "", host: "unix:///run/x.sock" });
});

test("A DOCKER_CONTEXT of the user's does not take the place of a host.", async () => {
  vi.stubEnv("DOCKER_CONTEXT", "elsewhere");

  const provider = await providerOf(sshHost);

  expect(provider?.inputs.context).toBe("");
});
