import fc from "fast-check";
import { expect, test } from "vitest";
import { heldBy, holdersOf } from "./holders.ts";
import { sampleContainer } from "./testing/sample-report.ts";

const nodes = [4, 5, 6, 7].map((id) => `/dev/davinci${id}`);
const node = (...ids: number[]) => ids.map((id) => `/dev/davinci${id}`);

const env = (list: string, name = "ASCEND_VISIBLE_DEVICES") => ({
  "HostConfig.Runtime": "ascend",
  "Config.Env": [`${name}=${list}`],
});
const request = (Driver: string, Count: number, ...DeviceIDs: string[]) => ({
  "HostConfig.DeviceRequests": [{ Driver, Count, DeviceIDs, Capabilities: [["gpu"]], Options: {} }],
});
const bind = (Source: string, RW = true) => ({
  Mounts: [{ Type: "bind", Source, Destination: "/host", RW }],
});

const holderWith = (changes: Readonly<Record<string, unknown>>) =>
  holdersOf(nodes, [sampleContainer("other", changes)])[0];

test.each([
  ["numbers", env("4,6"), node(4, 6)],
  ["ranges", env("0-5,7"), node(4, 5, 7)],
  ["names", env("Ascend910-4,Ascend910-5"), node(4, 5)],
  ["names of another generation", env("Ascend310P-6, Ascend950PR-7"), node(6, 7)],
  ["a name that is a slice of an NPU", env("Ascend910-4c.3cpu-100-5"), node(5)],
  ["names as the 950's plugin writes them", env("npu-4,npu5"), node(4, 5)],
  ["quoted numbers", env('"4,5"'), node(4, 5)],
  ["all", env("all"), nodes],
  [
    "a choice of its process, where nothing else is given",
    env("4,5", "ASCEND_RT_VISIBLE_DEVICES"),
    node(4, 5),
  ],
  ["a device by the Container Device Interface", request("cdi", 0, "huawei.com/npu=4"), node(4)],
  [
    "a device by its name",
    request("cdi", 0, "huawei.com/Ascend910=Ascend910-5", "ascend.com/x=davinci6"),
    node(5, 6),
  ],
  ["all by the Container Device Interface", request("cdi", 0, "huawei.com/npu=all"), nodes],
  ["all of a driver", request("ascend", -1), nodes],
  ["a mount of a node", bind("/dev/davinci4"), node(4)],
  [
    "a device that is spelled otherwise",
    { "HostConfig.Devices": [{ PathOnHost: "/dev/./davinci4" }] },
    node(4),
  ],
  ["the folder of devices as a device", { "HostConfig.Devices": [{ PathOnHost: "/dev" }] }, nodes],
  [
    "what a device plugin noted",
    { "Config.Labels": { "annotation.huawei.com/Ascend910": "Ascend910-7" } },
    node(7),
  ],
  ["an annotation", { "HostConfig.Annotations": { "cdi.k8s.io/vendor": "huawei.com/npu=6" } }, node(6)],
])("A container with %s holds these, and no others.", (_, changes, held) => {
  expect(holderWith(changes)).toMatchObject({ name: "other", nodes: held, mayHold: [] });
});

test.each([
  ["is privileged", { "HostConfig.Privileged": true }, "is privileged"],
  ["mounts /dev", bind("/dev/"), "mounts /dev"],
  ["mounts the host", bind("/"), "mounts /"],
  [
    "has a list that cannot be read",
    env("$NPUS"),
    'has "$NPUS" in ASCEND_VISIBLE_DEVICES, which names no NPU that is known',
  ],
  [
    "has a slice of some NPU",
    env("100"),
    'has "100" in ASCEND_VISIBLE_DEVICES, which names no NPU that is known',
  ],
  [
    "has the node of a slice",
    { "HostConfig.Devices": [{ PathOnHost: "/dev/vdavinci100" }] },
    "has /dev/vdavinci100, a slice of an NPU",
  ],
  ["has some of a driver", request("ascend", 2), "has 2 by a request to ascend"],
  [
    "may open any device",
    { "HostConfig.DeviceCgroupRules": ["c *:* rwm"] },
    'may open devices by the rule "c *:* rwm"',
  ],
])("A container that %s may hold every one.", (_, changes, why) => {
  expect(holderWith(changes)).toMatchObject({ nodes: [], mayHold: nodes, why });
});

test.each([
  ["void", env("void")],
  ["other NPUs", env("0-3,Ascend910-8")],
  ["a variable that its runtime does not know", { ...env("4"), "HostConfig.Runtime": "runc" }],
  ["GPUs of another vendor", request("nvidia", -1)],
  ["a device of another vendor", request("cdi", 0, "nvidia.com/gpu=4")],
  ["the host's root to read", bind("/", false)],
  ["a folder of devices that are no NPUs", bind("/dev/shm")],
  ["a rule for serial ports", { "HostConfig.DeviceCgroupRules": ["c 188:* rwm"] }],
  ["the manager nodes alone", { "HostConfig.Devices": [{ PathOnHost: "/dev/davinci_manager" }] }],
])("A container with %s holds none.", (_, changes) => {
  expect(holderWith(changes)).toBeUndefined();
});

test("What a process chooses are the container's own numbers, where it has NPUs of its own.", () => {
  const own = { "HostConfig.Devices": [{ PathOnHost: "/dev/davinci7" }] };

  expect(holderWith({ ...own, ...env("4", "ASCEND_RT_VISIBLE_DEVICES") })).toMatchObject({ nodes: node(7) });
});

test("A privileged container holds what it names, and may hold the rest.", () => {
  const changes = { ...env("4,5", "ASCEND_RT_VISIBLE_DEVICES"), "HostConfig.Privileged": true };

  expect(holderWith({ ...changes, "HostConfig.Runtime": "runc" })).toMatchObject({
    nodes: node(4, 5),
    by: "ASCEND_RT_VISIBLE_DEVICES",
    mayHold: node(6, 7),
    why: "is privileged",
  });
});

test("An item that cannot be read hides none that can.", () => {
  expect(holderWith(env("4,?"))).toMatchObject({ nodes: node(4), mayHold: node(5, 6, 7) });
});

test("Whatever a list says, its NPUs are held, or may be, or it names none.", () => {
  fc.assert(
    fc.property(fc.string(), (list) => {
      const asking = { devices: [], cgroupRules: [], requests: [], binds: [], privileged: false, notes: {} };
      const held = heldBy({ ...asking, runtime: "ascend", env: [`ASCEND_VISIBLE_DEVICES=${list}`] }, nodes);

      const isSilent = held.nodes.length + held.mayHold.length === 0;
      if (isSilent) expect(list).toMatch(/^([,;\s"']|void|none|\d{1,2}|[A-Za-z]+[-:]?\d{1,2}|-)*$/i);
    }),
    { numRuns: 1000 },
  );
});
