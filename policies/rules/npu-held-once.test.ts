import { expect, test } from "vitest";
import { resource, type StackResource, stackViolationsOf, unknown } from "../testing/validated.ts";
import { npuHeldOnce } from "./npu-held-once.ts";

function container(name: string, hostPaths: readonly string[], host?: string): StackResource {
  const devices = hostPaths.map((hostPath) => ({ hostPath, containerPath: "/dev/davinci0" }));
  return { args: resource(name, { devices }), ...(host !== undefined && { provider: providerOf(host) }) };
}

const providerOf = (host: string) => ({ name: host, host: `ssh://root@${host}` });

test("An NPU that two containers of a host are given is reported at the second, with both names.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4", "/dev/davinci5"], "host-a"),
    container("decode-0", ["/dev/davinci5", "/dev/davinci6"], "host-a"),
  ]);

  expect(violations).toEqual([
    {
      message: "/dev/davinci5 of ssh://root@host-a is given to prefill-0 and to decode-0",
      urn: expect.stringMatching(/::decode-0$/),
    },
  ]);
});

test("Containers without a provider of their own share the default engine.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"]),
    container("decode-0", ["/dev/davinci4"]),
  ]);

  expect(violations).toMatchObject([
    { message: "/dev/davinci4 of the default engine is given to prefill-0 and to decode-0" },
  ]);
});

test("Every further holder is reported.", async () => {
  const violations = await stackViolationsOf(
    npuHeldOnce,
    ["a", "b", "c"].map((name) => container(name, ["/dev/davinci4"], "host-a")),
  );

  expect(violations).toHaveLength(2);
});

test("The same NPU id on two hosts is two NPUs.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"], "host-a"),
    container("prefill-1", ["/dev/davinci4"], "host-b"),
  ]);

  expect(violations).toEqual([]);
});

test("Manager nodes, and /dev/null behind simulated NPUs, are shared by all.", async () => {
  const shared = ["/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc", "/dev/null", "/dev/null"];

  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", shared, "host-a"),
    container("decode-0", shared, "host-a"),
  ]);

  expect(violations).toEqual([]);
});

test("One container that sees its NPU under two names holds it once.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4", "/dev/davinci4"], "host-a"),
  ]);

  expect(violations).toEqual([]);
});

test("Only containers hold NPUs, and need hold none.", async () => {
  const devices = [{ hostPath: "/dev/davinci4" }];

  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"], "host-a"),
    { args: resource("npus", { devices }, "ascend-pd:index:NpuDevices"), provider: providerOf("host-a") },
    { args: resource("scheduler", { devices: null }), provider: providerOf("host-a") },
  ]);

  expect(violations).toEqual([]);
});

test("Two providers of the same endpoint are one host.", async () => {
  const on = (name: string) => ({ provider: { name, host: "ssh://root@host-a" } });

  const violations = await stackViolationsOf(npuHeldOnce, [
    { ...container("prefill-0", ["/dev/davinci4"]), ...on("first") },
    { ...container("decode-0", ["/dev/davinci4"]), ...on("second") },
  ]);

  expect(violations).toHaveLength(1);
});

test.each(["ssh://ops@host-a", "ssh://root@host-a:22", "ssh://HOST-A"])(
  "So are two ways to reach one engine: %s.",
  async (host) => {
    const violations = await stackViolationsOf(npuHeldOnce, [
      {
        ...container("prefill-0", ["/dev/davinci4"]),
        provider: { name: "first", host: "ssh://root@host-a" },
      },
      { ...container("decode-0", ["/dev/davinci4"]), provider: { name: "second", host } },
    ]);

    expect(violations).toHaveLength(1);
  },
);

test("So are two ways to write an IPv6 address.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"], "[2001:db8::1]"),
    container("decode-0", ["/dev/davinci4"], "[2001:DB8:0::1]:22"),
  ]);

  expect(violations).toHaveLength(1);
});

test("A device that is not known yet does not hide one that is held twice.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", [unknown, "/dev/davinci4"], "host-a"),
    { args: resource("other", { devices: unknown }), provider: providerOf("host-a") },
    container("decode-0", ["/dev/davinci4"], "host-a"),
  ]);

  expect(violations).toHaveLength(1);
});

const onHostA = (name: string, props: object): StackResource => ({
  args: resource(name, props),
  provider: providerOf("host-a"),
});

test.each([
  ["a variable of Ascend's runtime", { runtime: "ascend", envs: ["ASCEND_VISIBLE_DEVICES=Ascend910-4"] }],
  [
    "the Container Device Interface",
    { deviceRequests: [{ driver: "cdi", deviceIds: ["huawei.com/npu=4"] }] },
  ],
  ["`gpus`", { gpus: "huawei.com/npu=4" }],
  ["a mount of the node", { mounts: [{ type: "bind", source: "/dev/davinci4", target: "/dev/x" }] }],
  ["a volume", { volumes: [{ hostPath: "/dev/davinci4", containerPath: "/dev/x" }] }],
])("An NPU that the second container gets by %s is given twice.", async (_, props) => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"], "host-a"),
    onHostA("other", props),
  ]);

  expect(violations).toMatchObject([
    { message: "/dev/davinci4 of ssh://root@host-a is given to prefill-0 and to other" },
  ]);
});

test.each([
  ["after the one that holds it", false],
  ["before the one that holds it", true],
])("A container that may have any NPU is told %s.", async (_, isFirst) => {
  const both = [container("prefill-0", ["/dev/davinci4"], "host-a"), onHostA("other", { privileged: true })];

  const [violation, ...more] = await stackViolationsOf(npuHeldOnce, isFirst ? both.reverse() : both);

  expect(violation?.message).toMatch(
    /^\/dev\/davinci4 of ssh:\/\/root@host-a is given to .*: other is privileged, so it may have it$/,
  );
  expect(more).toEqual([]);
});

test("What the engine's default runtime makes of the variable is not known, which is said.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    container("prefill-0", ["/dev/davinci4"], "host-a"),
    onHostA("other", { envs: ["ASCEND_VISIBLE_DEVICES=4"] }),
  ]);

  expect(violations[0]?.message).toMatch(/: other names NPUs in ASCEND_VISIBLE_DEVICES, so it may have it$/);
});

test("Two that may have any NPU are no proof of one held twice.", async () => {
  const violations = await stackViolationsOf(npuHeldOnce, [
    onHostA("a", { privileged: true }),
    onHostA("b", { privileged: true }),
  ]);

  expect(violations).toEqual([]);
});
