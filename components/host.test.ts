import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import { afterEach, expect, test, vi } from "vitest";
import type { HostPlan } from "../planning/plan.ts";
import { Host, pinnedHostKey } from "./host.ts";
import { registrationsOf } from "./test-support.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";

async function providerOf(host: HostPlan) {
  const registrations = await registrationsOf("test", () => {
    new Host(host.name, { host });
  });
  return registrations.find(({ type }) => type === "docker");
}

test("The provider of an ssh:// host accepts the pinned host key and no other.", async () => {
  const host = { name: "host-a", address: "10.0.0.18", docker: "ssh://root@10.0.0.18:2222", hostKey: key };

  const provider = await providerOf(host);

  expect(provider).toMatchObject({ name: "host-a", parent: "Host host-a" });
  expect(provider?.inputs.host).toBe("ssh://root@10.0.0.18:2222");
  expect(JSON.parse(provider?.inputs.sshOpts)).toEqual([
    ...["-o", "StrictHostKeyChecking=yes"],
    ...["-o", "UserKnownHostsFile=/dev/null"],
    ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ...["-o", `KnownHostsCommand=/bin/echo * ${key}`],
    ...["-o", "BatchMode=yes"],
    ...["-o", "ConnectTimeout=10"],
  ]);
});

test("The provider of a host without an endpoint leaves the choice to DOCKER_HOST.", async () => {
  vi.stubEnv("DOCKER_HOST", undefined);
  const unset = await providerOf({ name: "local", address: "127.0.0.1" });
  vi.stubEnv("DOCKER_HOST", "unix:///run/other.sock");
  const set = await providerOf({ name: "local", address: "127.0.0.1" });

  expect(unset?.inputs).toEqual({});
  expect(set?.inputs).toEqual({ host: "unix:///run/other.sock" });
});

test("The provider of a unix:// host has no ssh options.", async () => {
  const provider = await providerOf({ name: "local", address: "127.0.0.1", docker: "unix:///run/x.sock" });

  expect(provider?.inputs).toEqual({ host: "unix:///run/x.sock" });
});

const servers: ssh2.Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) server.close();
});

/** A real SSH server that lets anybody in and runs nothing: each command ends with success. */
async function serveSsh(): Promise<{ port: number; publicKey: string }> {
  const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
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
  return { port: (server.address() as AddressInfo).port, publicKey };
}

function ssh(options: readonly string[], port: number) {
  const all = [...options, "-F", "none", "-p", String(port), "127.0.0.1", "docker"];
  return promisify(execFile)("ssh", all);
}

test.skipIf(!existsSync("/usr/bin/ssh"))("ssh connects under the options for the right key.", async () => {
  const { port, publicKey } = await serveSsh();

  await expect(ssh(pinnedHostKey(publicKey), port)).resolves.toBeDefined();
});

test.skipIf(!existsSync("/usr/bin/ssh"))("ssh refuses a host with another key.", async () => {
  const { port } = await serveSsh();

  await expect(ssh(pinnedHostKey(key), port)).rejects.toThrow("Host key verification failed");
});
