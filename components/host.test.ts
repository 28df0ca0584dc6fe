import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import { afterEach, expect, test, vi } from "vitest";
import type { HostPlan } from "../planning/plan.ts";
import { fingerprint, sshOptions } from "../planning/ssh-options.ts";
import { Host } from "./host.ts";
import { registrationsOf } from "./testing/mocks.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";
const sshHost: HostPlan = {
  name: "host-a",
  address: "10.0.0.18",
  docker: "ssh://root@10.0.0.18:2222",
  hostKey: key,
};

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

const servers: ssh2.Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) server.close();
});

/** A real SSH server that lets anybody in and runs nothing: each command ends with success. */
async function serveSsh(): Promise<{ docker: string; publicKey: string }> {
  const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (attempt) => attempt.accept());
    client.on("session", (accept) => {
      accept().on("exec", (acceptExec) => {
        const channel = acceptExec();
        channel.exit(0);
        channel.end();
      });
    });
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { docker: `ssh://127.0.0.1:${(server.address() as AddressInfo).port}`, publicKey };
}

function ssh(docker: string, hostKey: string) {
  const options = sshOptions({ name: "host-a", address: "127.0.0.1", docker, hostKey });
  const alone = ["-F", "none", "-o", "ControlPath=none"];
  const { port } = new URL(docker);
  return promisify(execFile)("ssh", [...alone, ...options, "-p", port, "127.0.0.1", "docker"]);
}

const withSsh = test.skipIf(!existsSync("/usr/bin/ssh"));

withSsh("ssh connects under the options for the right key.", async () => {
  const { docker, publicKey } = await serveSsh();

  await expect(ssh(docker, publicKey)).resolves.toBeDefined();
});

withSsh(
  "ssh refuses a host with another key, and names it by the fingerprint that is ours too.",
  async () => {
    const { docker, publicKey } = await serveSsh();

    const refusal = expect(ssh(docker, key)).rejects;

    await refusal.toThrow("Host key verification failed");
    await expect(ssh(docker, key)).rejects.toThrow(`${fingerprint(publicKey)}.`);
  },
);
