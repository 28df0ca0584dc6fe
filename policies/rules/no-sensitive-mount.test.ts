import { expect, test } from "vitest";
import { driverMounts } from "../../planning/engines/ascendcloud.ts";
import { driverMounts as publicDriverMounts } from "../../planning/engines/vllm-ascend.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noSensitiveMount } from "./no-sensitive-mount.ts";

const mounting = (source: string) =>
  resource("decode-0", {
    mounts: [
      { type: "bind", source: unknown },
      { type: "bind", source: "/data/models" },
      { type: "bind", source, readOnly: true },
    ],
  });

test.each([
  "/var/run/docker.sock",
  "/run/docker.sock",
  "/run/user/1000/docker.sock",
  "/data/dind/docker.sock",
  "/run/containerd/containerd.sock",
  "/var/lib/docker/volumes",
  "/proc",
  "/proc/1/root",
  "/dev/shm",
  "/etc/ssh/ssh_host_ed25519_key",
  "/home/ops/.ssh/id_ed25519",
])("A mount of %s is reported, read-only as it is.", async (source) => {
  const violations = await violationsOf(noSensitiveMount, mounting(source));

  expect(violations).toEqual([expect.stringMatching(`^decode-0 mounts ${source} of the host`)]);
});

test.each([
  ["/", "/run/docker.sock"],
  ["/data/..", "/run/docker.sock"],
  ["//", "/run/docker.sock"],
  ["/run/", "/run/docker.sock"],
  ["/var/run", "/run/docker.sock"],
  ["/var", "/var/lib/docker"],
  ["/etc", "/etc/shadow"],
  ["/root", "/root/.ssh"],
  ["/home", "/home/*/.ssh"],
  ["/home/ops", "/home/*/.ssh"],
])("A mount of %s is reported with what it leads to, %s.", async (source, held) => {
  const violations = await violationsOf(noSensitiveMount, mounting(source));

  expect(violations).toEqual([expect.stringMatching(/^decode-0 mounts \/\S* of the host, which leads to /)]);
  expect(violations[0]).toContain(held);
});

test.each([
  ["docker:index/container:Container", { volumes: [{ hostPath: "/etc", containerPath: "/e" }] }],
  [
    "docker:index/container:Container",
    { mounts: [{ type: "volume", volumeOptions: { driverOptions: { o: "bind", device: "/etc" } } }] },
  ],
  ["docker:index/volume:Volume", { driverOpts: { type: "none", o: "bind", device: "/etc" } }],
])("It is one also as a volume: %s %j.", async (type, props) => {
  const violations = await violationsOf(noSensitiveMount, resource("spy", props, type));

  expect(violations).toEqual(["spy mounts /etc of the host, which leads to /etc/shadow"]);
});

test.each([
  ...[...driverMounts, ...publicDriverMounts].map(({ source }) => source),
  "/data/run",
  "/home/ops/models",
  "/root/models",
  "/etc/hccn.conf",
  "/srv/docker.sock.d",
  "/device",
])("A mount of %s passes.", async (source) => {
  const violations = await violationsOf(noSensitiveMount, mounting(source));

  expect(violations).toEqual([]);
});

test.each([
  ["docker:index/container:Container", {}],
  ["docker:index/container:Container", { mounts: [{ type: "tmpfs" }, { type: "volume", source: "proc" }] }],
  ["docker:index/container:Container", { mounts: unknown, volumes: null }],
  ["docker:index/volume:Volume", {}],
  ["ascend-pd:index:PdDeployment", { mounts: [{ source: "/" }] }],
])("What mounts nothing of the host passes: %s %j.", async (type, props) => {
  const violations = await violationsOf(noSensitiveMount, resource("spy", props, type));

  expect(violations).toEqual([]);
});
