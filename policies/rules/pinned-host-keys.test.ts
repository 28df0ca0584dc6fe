import { expect, test } from "vitest";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { pinnedHostKeys } from "./pinned-host-keys.ts";

const pinned = ["-o", "StrictHostKeyChecking=yes", "-o", "KnownHostsCommand=/bin/echo * ssh-ed25519 AAAA"];

/** As the engine shows it: what is not text in a provider's inputs is JSON. */
const provider = (host: string | undefined, sshOpts?: readonly string[]) =>
  resource(
    "host-a",
    { host, ...(sshOpts && { sshOpts: JSON.stringify(sshOpts) }) },
    "pulumi:providers:docker",
  );

const remote = (connection: unknown, type = "Command") =>
  resource("copy", { connection }, `command:remote:${type}`);

test.each([
  [undefined, "with StrictHostKeyChecking unset"],
  [["-o", "StrictHostKeyChecking=no"], "with StrictHostKeyChecking no"],
  [["-oStrictHostKeyChecking=accept-new"], "with StrictHostKeyChecking accept-new"],
  [["-o", "stricthostkeychecking no", ...pinned], "with StrictHostKeyChecking no"],
  [pinned.slice(0, 2), "with whatever keys the user's known_hosts hold"],
  [
    [...pinned.slice(0, 2), "-o", "UserKnownHostsFile=/dev/null"],
    "with whatever keys the user's known_hosts hold",
  ],
])("A provider with the ssh options %j is reported.", async (sshOpts, fault) => {
  const violations = await violationsOf(pinnedHostKeys, provider("ssh://root@10.0.0.18", sshOpts));

  expect(violations).toEqual([`host-a reaches ssh://root@10.0.0.18 ${fault}`]);
});

test("A password in a provider's host is not repeated.", async () => {
  const violations = await violationsOf(pinnedHostKeys, provider("ssh://root:hunter2@10.0.0.18"));

  expect(violations).toEqual([
    "host-a reaches ssh://root:[secret]@10.0.0.18 with StrictHostKeyChecking unset",
  ]);
});

test.each([
  ["ssh://root@10.0.0.18", pinned],
  ["ssh://root@10.0.0.18", ["-oStrictHostKeyChecking yes", "-o", "UserKnownHostsFile=known_hosts"]],
  ["unix:///var/run/docker.sock", undefined],
  [undefined, undefined],
])("A provider of %s with the ssh options %j passes.", async (host, sshOpts) => {
  const violations = await violationsOf(pinnedHostKeys, provider(host, sshOpts));

  expect(violations).toEqual([]);
});

test("A provider with a Docker context is reported, since that overrides its host.", async () => {
  const provider = (context: string) =>
    resource("host-a", { context, host: "unix:///var/run/docker.sock" }, "pulumi:providers:docker");

  expect(await violationsOf(pinnedHostKeys, provider("far"))).toEqual([
    "host-a goes wherever the Docker context far leads, whatever its host says",
  ]);
  expect(await violationsOf(pinnedHostKeys, provider(""))).toEqual([]);
});

test.each(["Command", "CopyToRemote"])("A remote %s without a host key is reported.", async (type) => {
  const violations = await violationsOf(pinnedHostKeys, remote({ host: "10.0.0.18", hostKey: "" }, type));

  expect(violations).toEqual(["copy accepts any host key of 10.0.0.18"]);
});

test("A proxy needs its own host key.", async () => {
  const connection = { host: "10.0.0.18", hostKey: "ssh-ed25519 AAAA", proxy: { host: "10.0.0.1" } };

  const violations = await violationsOf(pinnedHostKeys, remote(connection));

  expect(violations).toEqual(["copy accepts any host key of its proxy"]);
});

test("A connection with a host key passes, and so does a command on this machine.", async () => {
  const pinnedRemote = await violationsOf(
    pinnedHostKeys,
    remote({ host: "10.0.0.18", hostKey: "ssh-ed25519 A" }),
  );
  const local = await violationsOf(
    pinnedHostKeys,
    resource("probe", { create: "true" }, "command:local:Command"),
  );

  expect([...pinnedRemote, ...local]).toEqual([]);
});

test("A connection that is not known yet is left to the engine, which says so and asks again during `up`.", async () => {
  const asked = violationsOf(pinnedHostKeys, remote(unknown));

  await expect(asked).rejects.toThrow("can't be known during preview");
});
