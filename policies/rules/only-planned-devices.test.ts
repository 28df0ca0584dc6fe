import { expect, test } from "vitest";
import { npuDevices } from "../../planning/engines/devices.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { onlyPlannedDevices } from "./only-planned-devices.ts";

const violationsWith = (props: object) => violationsOf(onlyPlannedDevices, resource("decode-0", props));

test.each([
  [{ hostPath: "/dev/mem" }, "is given /dev/mem"],
  [{ hostPath: "/dev" }, "is given /dev"],
  [{ hostPath: "/dev/davinci4/../sda" }, "is given /dev/davinci4/../sda"],
  [{ hostPath: "/dev/null" }, "is given /dev/null"],
  [{ hostPath: "/dev/null", containerPath: "/dev/sda" }, "is given /dev/null"],
  [{ hostPath: "/dev/davinci4", containerPath: "/dev/davinci0" }, "sees /dev/davinci4 as /dev/davinci0"],
  [{ hostPath: "/dev/davinci4", permissions: "r" }, "has /dev/davinci4 with r; the driver needs rwm"],
])("The device %j is reported with the container's name.", async (device, violation) => {
  const violations = await violationsWith({ devices: [{ hostPath: "/dev/davinci4" }, device] });

  expect(violations).toEqual([`decode-0 ${violation}`]);
});

test.each([
  [{ deviceCgroupRules: ["c *:* rwm"] }, "is given devices by a rule: c *:* rwm"],
  [{ gpus: "all" }, "is given devices by request"],
  [{ deviceRequests: [{ driver: "cdi" }] }, "is given devices by request"],
  [{ runtime: "ascend" }, "is given devices by the runtime ascend"],
  [{ runtime: "nvidia" }, "is given devices by the runtime nvidia"],
  [{ runtime: "Ascend" }, "is given devices by the runtime Ascend"],
  [{ runtime: "npu-2" }, "is given devices by the runtime npu-2"],
  [{ runtime: "io.containerd.runc.v2" }, "is given devices by the runtime io.containerd.runc.v2"],
  [{ envs: ["ASCEND_VISIBLE_DEVICES=4"] }, "is given devices by the variable ASCEND_VISIBLE_DEVICES"],
  [{ envs: ["ASCEND_RUNTIME_OPTIONS=NODRV"] }, "is given devices by the variable ASCEND_RUNTIME_OPTIONS"],
  [{ envs: ["NVIDIA_VISIBLE_DEVICES=all"] }, "is given devices by the variable NVIDIA_VISIBLE_DEVICES"],
  [{ envs: ["MTHREADS_VISIBLE_DEVICES=0"] }, "is given devices by the variable MTHREADS_VISIBLE_DEVICES"],
])("Devices given past the list are reported: %j.", async (props, violation) => {
  const violations = await violationsWith(props);

  expect(violations).toEqual([`decode-0 ${violation}`]);
});

test("What the planner gives passes, with real NPUs and with simulated ones.", async () => {
  const real = await violationsWith({ devices: npuDevices([0, 15]) });
  const simulated = await violationsWith({ devices: npuDevices([0, 15], () => "/dev/null") });

  expect([...real, ...simulated]).toEqual([]);
});

test.each([
  {},
  { devices: [], deviceRequests: [], gpus: null, runtime: "runc" },
  { envs: ["ASCEND_RT_VISIBLE_DEVICES=0", "ASCEND_VISIBLE_DEVICES=void", "ASCEND_VISIBLE_DEVICES="] },
])("A container with %j passes.", async (props) => {
  const violations = await violationsWith(props);

  expect(violations).toEqual([]);
});

test("What the configuration lists passes.", async () => {
  const props = {
    devices: [{ hostPath: "/dev/infiniband/uverbs0", containerPath: "/dev/infiniband/uverbs0" }],
    runtime: "ascend",
    envs: ["ASCEND_VISIBLE_DEVICES=4", "NVIDIA_VISIBLE_DEVICES=all"],
  };
  const config = {
    devices: ["/dev/infiniband/uverbs0"],
    runtimes: ["ascend"],
    variables: ["ASCEND_VISIBLE_DEVICES"],
  };

  const violations = await violationsOf(onlyPlannedDevices, resource("decode-0", props, undefined, config));

  expect(violations).toEqual(["decode-0 is given devices by the variable NVIDIA_VISIBLE_DEVICES"]);
});

test.each([{ devices: unknown }, { devices: [{ hostPath: unknown }] }, { runtime: unknown }])(
  "What is not known yet is left to the engine, which says so: %j.",
  async (props) => {
    await expect(violationsWith(props)).rejects.toThrow("can't be known during preview");
  },
);
