import { afterEach, expect, test, vi } from "vitest";
import { sshOptions } from "../../planning/ssh-options.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { pinnedHostKeys } from "./pinned-host-keys.ts";

const nowhereElse = ["-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null"];
const checked = ["-o", "StrictHostKeyChecking=yes"];
const pinned = [...checked, ...nowhereElse, "-o", "KnownHostsCommand=/bin/echo * ssh-ed25519 AAAA"];

afterEach(() => vi.unstubAllEnvs());

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
  [nowhereElse, "with StrictHostKeyChecking unset"],
  [["-o", "StrictHostKeyChecking=no"], 'with the ssh option "-o StrictHostKeyChecking=no"'],
  [["-oStrictHostKeyChecking=accept-new"], 'with the ssh option "-oStrictHostKeyChecking=accept-new"'],
  [["-o", "stricthostkeychecking no", ...pinned], 'with the ssh option "-o stricthostkeychecking no"'],
  [[...pinned, "-o", "StrictHostKeyChecking=no"], 'with the ssh option "-o StrictHostKeyChecking=no"'],
  [["-vo", "StrictHostKeyChecking=no", ...pinned], 'with the ssh option "-vo"'],
  [["-voStrictHostKeyChecking=no", ...pinned], 'with the ssh option "-voStrictHostKeyChecking=no"'],
  [["-v", ...pinned], 'with the ssh option "-v"'],
  [["-F", "/tmp/config", ...pinned], 'with the ssh option "-F"'],
  [["-J", "far", ...pinned], 'with the ssh option "-J"'],
  [["-S/tmp/shared", ...pinned], 'with the ssh option "-S/tmp/shared"'],
  [["-o", "-o", ...pinned], 'with the ssh option "-o -o"'],
  [[...pinned, "-o"], 'with the ssh option "-o "'],
  [["-o", "StrictHostKeyChecking=yes\nno"], 'with the ssh option "-o StrictHostKeyChecking=yes\\nno"'],
  [["-o", "Hostname=10.0.0.1", ...pinned], 'with the ssh option "-o Hostname=10.0.0.1"'],
  [["-o", "ProxyCommand=nc a 22", ...pinned], 'with the ssh option "-o ProxyCommand=nc a 22"'],
  [["-o", "HostKeyAlias=other", ...pinned], 'with the ssh option "-o HostKeyAlias=other"'],
  [["-o", "VerifyHostKeyDNS=yes", ...pinned], 'with the ssh option "-o VerifyHostKeyDNS=yes"'],
  [
    ["-o", "NoHostAuthenticationForLocalhost=yes", ...pinned],
    'with the ssh option "-o NoHostAuthenticationForLocalhost=yes"',
  ],
  [["-o", "ControlPath=~/.ssh/shared", ...pinned], 'with the ssh option "-o ControlPath=~/.ssh/shared"'],
  [
    ["-o", "KnownHostsCommand=/usr/bin/ssh-keyscan %H", ...pinned],
    'with the ssh option "-o KnownHostsCommand=/usr/bin/ssh-keyscan %H"',
  ],
  [
    ["-o", "UserKnownHostsFile=~/.ssh/known_hosts", ...pinned],
    'with the ssh option "-o UserKnownHostsFile=~/.ssh/known_hosts"',
  ],
  [
    ["-o", "UserKnownHostsFile=%d/.ssh/known_hosts", ...pinned],
    'with the ssh option "-o UserKnownHostsFile=%d/.ssh/known_hosts"',
  ],
  [
    ["-o", "UserKnownHostsFile=/dev/null /root/.ssh/known_hosts", ...pinned],
    'with the ssh option "-o UserKnownHostsFile=/dev/null /root/.ssh/known_hosts"',
  ],
  ...["/etc//ssh/known_hosts", "/tmp/../etc/ssh/known_hosts", "/etc/./ssh/x", "/root/.ssh", "../x", "x/"].map(
    (file): [string[], string] => [
      ["-o", `GlobalKnownHostsFile=${file}`, ...pinned],
      `with the ssh option "-o GlobalKnownHostsFile=${file}"`,
    ],
  ),
  [
    ["-o", "ControlPath=~/.ssh/ascend-pd-0123456789ab", ...pinned],
    "by a connection that others share: ~/.ssh/ascend-pd-0123456789ab",
  ],
  [[...checked, ...pinned.slice(-2)], "with whatever keys the user's known_hosts hold"],
  [
    [...checked, ...pinned.slice(-2), ...nowhereElse.slice(0, 2)],
    "with whatever keys the machine's known_hosts hold",
  ],
  [[...checked, ...nowhereElse], "with no host key that it could know"],
])("A provider with the ssh options %j is reported.", async (sshOpts, fault) => {
  const violations = await violationsOf(pinnedHostKeys, provider("ssh://root@10.0.0.18", sshOpts));

  expect(violations).toEqual([`host-a reaches ssh://root@10.0.0.18 ${fault}`]);
});

test.each([
  ["SSH://root@10.0.0.18", "SSH://root@10.0.0.18"],
  ["ssh://root@-oProxyCommand=x", "ssh://root@-oProxyCommand=x"],
  ["ssh://root@10.0.0.18/?x", "ssh://root@10.0.0.18/?x"],
  ["ssh://root:hunter2@10.0.0.18", "ssh://root:[secret]@10.0.0.18"],
  ["tcp://10.0.0.18:2375", "tcp://10.0.0.18:2375"],
  ["tcp://[2001:db8::1]:2376", "tcp://[2001:db8::1]:2376"],
  ["http://10.0.0.18:2375", "http://10.0.0.18:2375"],
  ["10.0.0.18:2375", "10.0.0.18:2375"],
  ["npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"],
  ["fd://", "fd://"],
  ["unix:///run/../tmp/far.sock", "unix:///run/../tmp/far.sock"],
  ["unix:////tmp/far.sock", "unix:////tmp/far.sock"],
])(
  "The endpoint %s is reported, without a password, unless the configuration lists it.",
  async (host, shown) => {
    expect(await violationsOf(pinnedHostKeys, provider(host, pinned))).toEqual([
      `host-a reaches ${shown}, which shows no host key`,
    ]);
    const listed = resource("host-a", { host }, "pulumi:providers:docker", { endpoints: [host] });
    expect(await violationsOf(pinnedHostKeys, listed)).toEqual([]);
  },
);

test.each([
  ["tcp://10.0.0.18:2375", ", which shows no host key"],
  ["ssh://root@10.0.0.18", " with StrictHostKeyChecking unset"],
])("A provider without a host goes where DOCKER_HOST says: %s.", async (named, fault) => {
  vi.stubEnv("DOCKER_HOST", named);

  for (const host of [undefined, ""]) {
    expect(await violationsOf(pinnedHostKeys, provider(host))).toEqual([
      `host-a reaches what DOCKER_HOST names, ${named}${fault}`,
    ]);
  }
  expect(await violationsOf(pinnedHostKeys, provider("unix:///var/run/docker.sock"))).toEqual([]);
});

test("A provider without a context goes where DOCKER_CONTEXT says.", async () => {
  vi.stubEnv("DOCKER_CONTEXT", "far");
  const provider = (props: object) => resource("host-a", props, "pulumi:providers:docker");

  expect(await violationsOf(pinnedHostKeys, provider({}))).toEqual([
    "host-a goes wherever the Docker context far leads, whatever its host says",
  ]);
  expect(await violationsOf(pinnedHostKeys, provider({ context: "" }))).toEqual([]);
});

const ours = { hostKey: "ssh-ed25519 AAAAC3Nz+/==" };

test.each([
  ["ssh://root@10.0.0.18", pinned],
  [
    "ssh://ops@host-a.example:2222",
    sshOptions({ ...ours, docker: "ssh://ops@host-a.example:2222", name: "a", address: "10.0.0.18" }),
  ],
  ["ssh://root@[2001:db8::1]:22", pinned],
  [
    "ssh://root@10.0.0.18",
    ["-oStrictHostKeyChecking yes", "-o", "UserKnownHostsFile=known_hosts", "-oGlobalKnownHostsFile=none"],
  ],
  ["unix:///var/run/docker.sock", undefined],
  [undefined, undefined],
])("A provider of %s with the ssh options %j passes.", async (host, sshOpts) => {
  vi.stubEnv("DOCKER_HOST", undefined);

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

test.each(["none", " ", "ssh-ed25519", "ssh-ed25519 AAAA\nssh-rsa AAAA", "* ssh-ed25519 AAAA"])(
  "What is no key is none: %j.",
  async (hostKey) => {
    expect(await violationsOf(pinnedHostKeys, remote({ host: "10.0.0.18", hostKey }))).toHaveLength(1);
  },
);

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
  for (const asked of [
    remote(unknown),
    remote({ host: "a", hostKey: unknown }),
    provider(unknown, pinned),
    resource("host-a", { host: "ssh://root@a", sshOpts: unknown }, "pulumi:providers:docker"),
  ]) {
    await expect(violationsOf(pinnedHostKeys, asked)).rejects.toThrow("can't be known during preview");
  }
});
