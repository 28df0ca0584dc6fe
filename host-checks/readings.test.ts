import { expect, test } from "vitest";
import { changedInput, onVllmAscend } from "../planning/testing/sample-input.ts";
import { hostFacts } from "./facts.ts";
import { checkHosts, type Result } from "./index.ts";
import { shapes } from "./testing/npu-smi-tables.ts";
import {
  npuInfo,
  type ReportChanges,
  sampleContainer,
  sampleHosts,
  sampleReport,
} from "./testing/sample-report.ts";

/** How the checks go on the first host of a stack, by their codes. */
function resultsOf(changes: ReportChanges, input?: object): (code: string) => Result {
  const facts = sampleHosts(input).map((host, index) =>
    hostFacts(host, sampleReport(host, index === 0 ? changes : {})),
  );
  const results = checkHosts(facts)[0]?.results ?? [];
  return (code) => {
    const found = results.find((one) => one.code === code);
    if (found === undefined) throw new Error(`no check ${code}`);
    return found;
  };
}

const outputOf = (shape: string): string => shapes.find((one) => one.shape === shape)?.output ?? "";

/** A stack of one instance a role, on NPUs of one host. */
const oneHost = (prefill: readonly number[], decode: readonly number[]) =>
  changedInput({
    "hosts.host-a.deviceIps": Object.fromEntries(
      [...prefill, ...decode].map((id) => [id, `29.0.0.${20 + id}`]),
    ),
    "hosts.host-b": undefined,
    prefill: [{ host: "host-a", devices: prefill, port: 8088 }],
    decode: [{ host: "host-a", devices: decode, port: 8089 }],
  });

const everyNpu = (option: string, answer: string, npus = [4, 5, 6, 7]) =>
  Object.fromEntries(npus.map((id) => [`hccn ${id} ${option}`, answer]));

test("Of a 310P the health and the processes of each card are told, and that it is not supported.", () => {
  const said = { "npu-smi info": outputOf("a 310P with large NPU ids") };
  const result = resultsOf({ said }, oneHost([2], [3]));

  expect(result("HC303")).toMatchObject({ status: "ok" });
  expect(result("HC304")).toMatchObject({
    status: "error",
    seen: ["NPU 3: Alarm"],
    fixes: [expect.stringContaining("npu-smi info -t health -i 32768")],
  });
  expect(result("HC205")).toMatchObject({
    status: "error",
    seen: ["NPU 3 is used by process 4711 (python3)"],
  });
  expect(result("HC310")).toMatchObject({
    status: "warning",
    seen: [expect.stringMatching(/^310P is not supported: .* \(NPU 2 OK, 3 Alarm\)$/)],
  });
});

test("Of an Ascend 950 it is told that it lacks a node, and not that its driver is broken.", () => {
  const said = { "npu-smi info": outputOf("Ascend 950") };
  const result = resultsOf({ said, kinds: { "/dev/devmm_svm": "missing" } }, oneHost([0], [3]));

  expect(result("HC202")).toMatchObject({
    status: "error",
    seen: [
      "there is no /dev/devmm_svm, which every container is given here: Ascend 950 has none, and is not supported",
    ],
  });
  expect(result("HC304")).toMatchObject({ status: "error", seen: ["NPU 3: Alarm"] });
  expect(result("HC205")).toMatchObject({
    status: "error",
    seen: ["NPU 0 is used by process 1001 (python)"],
  });
});

test("A row that is not understood leaves the other NPUs' health in sight, and is quoted itself.", () => {
  const info = npuInfo([{ id: 4 }, { id: 5, health: "Alarm" }, { id: 6 }, { id: 7 }]).replace(
    "| 4     910B3",
    "| 4!    910B3",
  );
  const result = resultsOf({ said: { "npu-smi info": info } });

  expect(result("HC304")).toMatchObject({ status: "error", seen: ["NPU 5: Alarm"] });
  expect(result("HC303")).toMatchObject({
    status: "unseen",
    seen: [
      expect.stringMatching(/^NPU 4: a row of npu-smi's is not understood: it printed "\| 4! {2}910B3 /),
    ],
  });
});

test("A health that npu-smi does not know is unseen, and no alarm.", () => {
  const info = npuInfo([{ id: 4, health: "NA" }, { id: 5 }, { id: 6 }, { id: 7 }]);
  const result = resultsOf({ said: { "npu-smi info": info } });

  expect(result("HC304")).toMatchObject({
    status: "unseen",
    seen: ["NPU 4: npu-smi does not tell its health: NA"],
  });
});

test("Memory in use is told with its figure on every card without a process.", () => {
  const info = npuInfo([4, 5, 6, 7].map((id) => ({ id, usedMb: 60156 })));
  const result = resultsOf({ said: { "npu-smi info": info } })("HC206");

  expect(result.status).toBe("warning");
  expect(result.seen).toEqual(
    [4, 5, 6, 7].map((id) => `60156 of 65536 MB of NPU ${id} are in use, and npu-smi lists no process there`),
  );
});

test("Memory that the stack's own container uses, or a process accounts for, is no warning.", () => {
  const own = sampleContainer("2p2d-prefill-0", {
    "Config.Labels": { "ascend-pd.stack": "2p2d" },
    "HostConfig.Devices": [{ PathOnHost: "/dev/davinci4" }],
  });
  const used = npuInfo([{ id: 4, usedMb: 60156 }, { id: 5 }, { id: 6 }, { id: 7 }]);
  const accounted = npuInfo([
    { id: 4, usedMb: 60156, process: [4711, "vllm"] },
    { id: 5 },
    { id: 6 },
    { id: 7 },
  ]);

  expect(resultsOf({ said: { "npu-smi info": used }, engine: { alive: [own] } })("HC206").status).toBe("ok");
  expect(resultsOf({ said: { "npu-smi info": accounted } })("HC206").status).toBe("ok");
});

test.each([
  ["Permission denied", "/usr/local/sbin/npu-smi: Permission denied", 126, /must be allowed to run it/],
  ["权限不够", "bash: /usr/local/sbin/npu-smi: 权限不够", 126, /must be allowed to run it/],
  ["-8020", "dcmi model initialized failed, because the device is used. ret is -8020", 0, /keeps the driver/],
  ["nothing", "", 1, /install the NPU driver anew/],
])("A npu-smi that fails as a whole with %s is an error for root, with a fix.", (_, said, code, fix) => {
  const changes = { said: { "npu-smi info": said, board: undefined }, codes: { "npu-smi info": code } };

  expect(resultsOf(changes)("HC308")).toMatchObject({ status: "error", fixes: [expect.stringMatching(fix)] });
  expect(resultsOf({ ...changes, said: { ...changes.said, user: "1000" } })("HC308")).toMatchObject({
    status: "unseen",
    seen: [expect.stringContaining("the user of that connection (number 1000) is not root")],
  });
});

test("A npu-smi that hangs is an error of its own.", () => {
  const result = resultsOf({ said: { "npu-smi info": "" }, codes: { "npu-smi info": 137 } });

  expect(result("HC308")).toMatchObject({
    status: "error",
    seen: ["npu-smi did not end in time, and was killed"],
  });
});

test("A table that is not known is no failure of npu-smi's, and is quoted below its banner.", () => {
  const result = resultsOf({
    said: { "npu-smi info": "| npu-smi 30.0  Version: 30.0 |\n| Accelerator | State |\n" },
  });

  expect(result("HC308")).toMatchObject({ status: "unseen", seen: ['it printed "| Accelerator | State |"'] });
});

test("A hccn_tool that only others keep busy does not fail as a whole.", () => {
  const busy = "hccn_tool is busy, please try again.";
  const said = ["ip", "link", "net_health", "tls"].map((option) => everyNpu(option, busy));

  expect(resultsOf({ said: Object.assign({}, ...said) })("HC309").status).toBe("unseen");
});

test("An NPU of which hccn_tool says nothing is unseen, whatever /etc/hccn.conf says.", () => {
  const result = resultsOf({ said: { "hccn 5 ip": "hccn_tool is busy, please try again." } });

  expect(result("HC401")).toMatchObject({
    status: "unseen",
    seen: [
      'NPU 5: it printed "hccn_tool is busy, please try again."; /etc/hccn.conf alone says 29.0.0.23, what it gets at boot',
    ],
  });
});

test("Without hccn_tool, that a verdict stands on /etc/hccn.conf is said.", () => {
  const result = resultsOf({ said: { hccn_tool: "" } });

  expect(result("HC401")).toMatchObject({
    status: "ok",
    seen: [expect.stringContaining("NPU 4: /etc/hccn.conf alone says 29.0.0.22, what it gets at boot")],
  });
});

test("A driver's release that npu-smi does not tell is told with what it stands on.", () => {
  const [seen = ""] = resultsOf({ said: { board: "npu get board type failed. ret is -9005" } })("HC307").seen;

  expect(seen).toMatch(/^driver 23\.0\.5, by its version\.info alone: npu-smi does not tell/);
});

test("On one host links that are down are a note: no traffic leaves it.", () => {
  const said = {
    ...everyNpu("link", "link status: DOWN", [0, 1, 2, 3]),
    ...everyNpu("net_health", "net health status: Init", [0, 1, 2, 3]),
  };
  const result = resultsOf({ said }, oneHost([0, 1], [2, 3]));

  for (const code of ["HC403", "HC405"]) {
    expect(result(code)).toMatchObject({
      status: "note",
      seen: [expect.stringContaining("no traffic of the stack leaves this host")],
      fixes: [],
    });
  }
  expect(result("HC404").status).toBe("ok");
});

test("A host that --host alone asks is still one of several: its links matter.", () => {
  const [host] = sampleHosts();
  if (host === undefined) throw new Error("the sample has two hosts");
  const facts = hostFacts(host, sampleReport(host, { said: { "hccn 4 link": "link status: DOWN" } }));

  const results = checkHosts([facts])[0]?.results ?? [];

  expect(results.find(({ code }) => code === "HC403")?.status).toBe("error");
});

test("npu-smi may be where the engine mounts it from, and there alone.", () => {
  const said = { "npu-smi": "/usr/local/bin/npu-smi" };

  expect(resultsOf({ said }, changedInput(onVllmAscend()))("HC301")).toMatchObject({ status: "ok" });
});

test.each([
  ["A3 of npu-smi 26, wide", [14], [15]],
  ["A3: two dies a card, each a device", [12], [13]],
  ["a 310 with four chips a card", [3], [4]],
  ["A2 with idle cards and a busy one", [0], [1]],
])(
  "%s: its NPUs are found by the numbers of their nodes, however many the host has.",
  (shape, prefill, decode) => {
    const input = oneHost(prefill, decode);
    Object.assign(input.hosts["host-a"], { npus: 16 });
    const [host] = sampleHosts(input);
    if (host === undefined) throw new Error("no host");
    const facts = hostFacts(host, sampleReport(host, { said: { "npu-smi info": outputOf(shape) } }));

    const results = checkHosts([facts])[0]?.results ?? [];

    expect(results.find(({ code }) => code === "HC303")?.status).toBe("ok");
  },
);
