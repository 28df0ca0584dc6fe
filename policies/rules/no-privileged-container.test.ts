import { expect, test } from "vitest";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { noPrivilegedContainer } from "./no-privileged-container.ts";

test.each([
  [{ privileged: true }, "is privileged"],
  [{ capabilities: { adds: ["SYS_ADMIN"] } }, "adds the capability SYS_ADMIN"],
  [{ pidMode: "host" }, "shares the host's namespace: pidMode is host"],
  [{ ipcMode: "host" }, "shares the host's namespace: ipcMode is host"],
  [{ usernsMode: "host" }, "shares the host's namespace: usernsMode is host"],
  [{ securityOpts: ["seccomp=unconfined"] }, "turns a guard off: seccomp=unconfined"],
  [{ securityOpts: ["label:disable"] }, "turns a guard off: label:disable"],
  [{ image: unknown, capabilities: { adds: [unknown, "ALL"] } }, "adds the capability ALL"],
])("A container with %j is reported by its name.", async (props, violation) => {
  const violations = await violationsOf(noPrivilegedContainer, resource("decode-0", props));

  expect(violations).toEqual([`decode-0 ${violation}`]);
});

test.each([
  {},
  { privileged: false, pidMode: null, capabilities: null },
  { capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges"], ipcMode: "private" },
  { privileged: unknown, securityOpts: unknown },
])("A container with %j passes.", async (props) => {
  const violations = await violationsOf(noPrivilegedContainer, resource("decode-0", props));

  expect(violations).toEqual([]);
});

test("What is no container may be called privileged.", async () => {
  const image = resource("image", { privileged: true }, "docker:index/remoteImage:RemoteImage");

  const violations = await violationsOf(noPrivilegedContainer, image);

  expect(violations).toEqual([]);
});
