import { expect, test } from "vitest";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noPrivilegedContainer } from "./no-privileged-container.ts";

const violationsWith = (props: object, config?: object) =>
  violationsOf(noPrivilegedContainer, resource("decode-0", props, undefined, config));

test.each([
  [{ privileged: true }, "privileged=true"],
  [{ capabilities: { adds: ["SYS_ADMIN"] } }, "capabilities=SYS_ADMIN"],
  [{ capabilities: { adds: ["CAP_NET_RAW"] } }, "capabilities=CAP_NET_RAW"],
  [{ pidMode: "host" }, "pidMode=host"],
  [{ pidMode: "container:prefill-0" }, "pidMode=container:prefill-0"],
  [{ ipcMode: "host" }, "ipcMode=host"],
  [{ ipcMode: "container:prefill-0" }, "ipcMode=container:prefill-0"],
  [{ ipcMode: "shareable" }, "ipcMode=shareable"],
  [{ usernsMode: "host" }, "usernsMode=host"],
  [{ cgroupnsMode: "host" }, "cgroupnsMode=host"],
  [{ networkMode: "container:prefill-0" }, "networkMode=container:prefill-0"],
  [{ networkMode: "HOST" }, "networkMode=HOST"],
  [{ networkMode: "macvlan-of-bond0" }, "networkMode=macvlan-of-bond0"],
  [{ networksAdvanced: [{ name: "bridge" }, { name: "storage" }] }, "networksAdvanced=storage"],
  [{ cgroupParent: "/system.slice" }, "cgroupParent=/system.slice"],
  [{ groupAdds: ["docker"] }, "groupAdds=docker"],
  [{ sysctls: { "kernel.shmmax": "1" } }, "sysctls=kernel.shmmax=1"],
  [{ securityOpts: ["seccomp=unconfined"] }, "securityOpts=seccomp=unconfined"],
  [{ securityOpts: ["seccomp=UNCONFINED"] }, "securityOpts=seccomp=UNCONFINED"],
  [{ securityOpts: ["seccomp:unconfined"] }, "securityOpts=seccomp:unconfined"],
  [{ securityOpts: ["seccomp=/tmp/allow-all.json"] }, "securityOpts=seccomp=/tmp/allow-all.json"],
  [
    { securityOpts: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] },
    'securityOpts=seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
  ],
  [{ securityOpts: ["apparmor=unconfined"] }, "securityOpts=apparmor=unconfined"],
  [{ securityOpts: ["label=type:spc_t"] }, "securityOpts=label=type:spc_t"],
  [{ securityOpts: ["label:disable"] }, "securityOpts=label:disable"],
  [{ securityOpts: ["systempaths=unconfined"] }, "securityOpts=systempaths=unconfined"],
  [{ securityOpts: ["no-new-privileges=false"] }, "securityOpts=no-new-privileges=false"],
  [{ image: unknown, capabilities: { adds: [unknown, "ALL"] } }, "capabilities=ALL"],
])(
  "A container with %j is reported by its name, unless the configuration lists that.",
  async (props, setting) => {
    expect(await violationsWith(props)).toEqual([`decode-0 is not kept apart from its host: ${setting}`]);
    if (!("image" in props)) expect(await violationsWith(props, { settings: [setting] })).toEqual([]);
  },
);

test.each([
  {},
  { privileged: false, pidMode: null, capabilities: null, usernsMode: "" },
  { capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges"], ipcMode: "private" },
  { networkMode: "host" },
  { networksAdvanced: [{ name: "bridge" }], cgroupnsMode: "private", image: unknown },
])("A container with %j passes.", async (props) => {
  expect(await violationsWith(props)).toEqual([]);
});

test.each([{ privileged: unknown }, { securityOpts: [unknown] }, { capabilities: { adds: unknown } }])(
  "What is not known yet is left to the engine, which says so: %j.",
  async (props) => {
    await expect(violationsWith(props)).rejects.toThrow("can't be known during preview");
  },
);

test("What is no container may be called privileged.", async () => {
  const image = resource("image", { privileged: true }, "docker:index/remoteImage:RemoteImage");

  expect(await violationsOf(noPrivilegedContainer, image)).toEqual([]);
});
