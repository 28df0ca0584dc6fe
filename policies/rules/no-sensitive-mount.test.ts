import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { readStackFile } from "../../cli/stack-file.ts";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import { plan } from "../../planning/make-plan.ts";
import { containerType } from "../resource-policy.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noSensitiveMount } from "./no-sensitive-mount.ts";

const volumeType = "docker:index/volume:Volume";
const violationsWith = (props: object, type = containerType, config?: object) =>
  violationsOf(noSensitiveMount, resource("decode-0", props, type, config));

const mounting = (source: string) => ({
  mounts: [
    { type: "bind", source: "/data/models" },
    { type: "bind", source, readOnly: true },
  ],
});

test.each([
  ...[
    "/",
    "//",
    "/data/..",
    "/data/../etc",
    "/run",
    "/var",
    "/etc",
    "/home",
    "/root",
    "/proc",
    "/dev",
    "/opt",
  ],
  ...[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/user/1000/docker.sock",
    "/run/dbus/system_bus_socket",
  ],
  ...["/run/podman/podman.sock", "/var/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock"],
  ...[
    "/run/systemd/private",
    "/run/containerd/containerd.sock",
    "/var/lib/docker/volumes",
    "/var/lib/kubelet",
  ],
  ...[
    "/var/lib/containers/storage",
    "/var/lib/rancher/k3s",
    "/var/spool/cron/crontabs",
    "/proc/1/root",
    "/dev/shm",
  ],
  ...["/etc/shadow-", "/etc/gshadow", "/etc/cron.d", "/etc/systemd/system", "/etc/kubernetes/admin.conf"],
  ...[
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/localtime2",
    "/root/.docker/config.json",
    "/root/.kube",
    "/root/.bashrc",
  ],
  ...[
    "/home/ops/.ssh/id_ed25519",
    "/home/ops/models",
    "/sys",
    "/sys/fs/cgroup/system.slice",
    "/boot",
    "/database",
  ],
  ...["/usr/local/Ascend", "/usr/local/Ascend/driver/lib64/x", "/mnt/models"],
])("A mount of %s is reported, read-only as it is, unless the configuration lists it.", async (source) => {
  expect(await violationsWith(mounting(source))).toEqual([
    expect.stringMatching(/^decode-0 mounts \/.* of the host, which is none of the folders for data$/),
  ]);
  if (source.includes("..") || source === "//") return;
  expect(await violationsWith(mounting(source), containerType, { paths: [source] })).toEqual([]);
});

test.each([
  ["/data/dind/docker.sock", "docker.sock"],
  ["/data/docker/volumes/x", "docker"],
  ["/data/containerd", "containerd"],
  ["/data/home/.ssh/id", ".ssh"],
  ["/data/k8s/kubelet", "kubelet"],
  ["/data/x.socket", "x.socket"],
])("In a folder for data, %s is reported all the same.", async (source, name) => {
  const violation = `decode-0 mounts ${source} of the host, and ${name} may hold its keys`;
  expect(await violationsWith(mounting(source))).toEqual([violation]);
  expect(await violationsWith(mounting(source), containerType, { folders: ["/data"] })).toEqual([violation]);
  expect(await violationsWith(mounting(source), containerType, { paths: [source] })).toEqual([]);
});

test("A folder that the configuration lists passes with what lies in it; a path alone does not.", async () => {
  expect(
    await violationsWith(mounting("/mnt/models/a"), containerType, { folders: ["/mnt/models"] }),
  ).toEqual([]);
  expect(
    await violationsWith(mounting("/mnt/models/a"), containerType, { paths: ["/mnt/models"] }),
  ).toHaveLength(1);
  expect(
    await violationsWith(mounting("/mnt/models2"), containerType, { folders: ["/mnt/models"] }),
  ).toHaveLength(1);
});

const bind = { type: "none", o: "bind", device: "/etc" };

test.each([
  [containerType, { volumes: [{ hostPath: "/etc", containerPath: "/e" }] }],
  [containerType, { volumes: [{ volumeName: "/etc", containerPath: "/e" }] }],
  [containerType, { volumes: [{ hostPath: "/data/a:/etc", containerPath: "/e" }] }],
  [containerType, { volumes: [{ hostPath: "/data/a", containerPath: "/e:rw,rshared" }] }],
  [containerType, { volumes: [{ hostPath: "/data/a", containerPath: "/e", selinuxRelabel: "z" }] }],
  [containerType, { volumes: [{ fromContainer: "other" }] }],
  [containerType, { volumes: [{ hostPath: "etc", containerPath: "/e" }] }],
  [containerType, { mounts: [{ type: "bind", source: "../etc" }] }],
  [containerType, { mounts: [{ type: "bind", source: "/data/a", bindOptions: { propagation: "rshared" } }] }],
  [containerType, { mounts: [{ type: "volume", source: "/etc" }] }],
  [containerType, { mounts: [{ type: "volume", source: "v", volumeOptions: { driverOptions: bind } }] }],
  [
    containerType,
    { mounts: [{ type: "volume", volumeOptions: { driverOptions: { o: "bind", device: "/etc" } } }] },
  ],
  [
    containerType,
    { mounts: [{ type: "volume", source: "v", volumeOptions: { driverName: "vieux/sshfs" } }] },
  ],
  [containerType, { mounts: [{ type: "volume", source: "v", volumeOptions: { subpath: "../x" } }] }],
  [containerType, { mounts: [{ type: "image", source: "x" }] }],
  [containerType, { mounts: [{ type: "npipe", source: "x" }] }],
  [volumeType, { driverOpts: bind }],
  [volumeType, { driverOpts: { ...bind, type: "bind" } }],
  [volumeType, { driverOpts: { ...bind, o: "rbind", device: "/data" } }],
  [volumeType, { driverOpts: { ...bind, o: "bind,shared", device: "/data" } }],
  [volumeType, { driverOpts: { type: "ext4", device: "/dev/sda1" } }],
  [volumeType, { driverOpts: { type: "overlay", device: "overlay", o: "lowerdir=/etc" } }],
  [volumeType, { driverOpts: { type: "proc", device: "proc" } }],
  [volumeType, { driverOpts: { type: "nfs", device: ":/", o: "addr=127.0.0.1" } }],
  [volumeType, { driverOpts: { type: "tmpfs", o: "bind", device: "/etc" } }],
  [volumeType, { driverOpts: { type: "tmpfs", o: "size=1g,rbind", device: "/etc" } }],
  [volumeType, { driverOpts: { type: "tmpfs", o: "move", device: "/etc" } }],
  [volumeType, { driverOpts: { type: "tmpfs", o: "remount", device: "tmpfs" } }],
  [volumeType, { driverOpts: { Type: "none" } }],
  [volumeType, { driver: "rexray" }],
])("It is one also in another form: %s %j.", async (type, props) => {
  expect(await violationsWith(props, type)).toEqual([expect.stringMatching(/^decode-0 mounts /)]);
});

test.each([
  [containerType, {}],
  [containerType, { mounts: [{ type: "tmpfs" }, { type: "volume", source: "proc" }, { type: "volume" }] }],
  [containerType, { volumes: [{ volumeName: "cache", containerPath: "/c" }], image: unknown }],
  [
    containerType,
    { mounts: [{ type: "bind", source: "/data/a", bindOptions: { propagation: "rprivate" } }] },
  ],
  [volumeType, {}],
  [
    volumeType,
    { driver: "local", driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1g,mode=1777,noexec" } },
  ],
  [volumeType, { driverOpts: { ...bind, o: "bind,ro", device: "/data/models" } }],
  ["ascend-pd:index:PdDeployment", { mounts: [{ source: "/" }] }],
])("What mounts nothing of the host but data passes: %s %j.", async (type, props) => {
  expect(await violationsWith(props, type)).toEqual([]);
});

test.each([{ mounts: unknown }, { mounts: [{ type: "bind", source: unknown }] }, { volumes: unknown }])(
  "A mount that is not known yet is left to the engine, which says so: %j.",
  async (props) => {
    await expect(violationsWith(props)).rejects.toThrow("can't be known during preview");
  },
);

const stacks = readdirSync("stacks").flatMap((file) => /^Pulumi\.(.*)\.yaml$/.exec(file)?.[1] ?? []);

test.each(stacks)("What the containers of %s mount passes.", async (stack) => {
  const result = plan(stack, readStackFile(stack).deployment);
  if ("problems" in result) throw new Error("the stack breaks a rule");

  for (const container of result.plan.containers)
    expect(await violationsWith(dockerContainer(container, "image", stack))).toEqual([]);
});
