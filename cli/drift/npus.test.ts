import { expect, test } from "vitest";
import { npuInfo, sampleContainer, section } from "../../host-checks/testing/sample-report.ts";
import { plan as makePlan } from "../../planning/make-plan.ts";
import { changedInput, sampleInput } from "../../planning/testing/sample-input.ts";
import { notesOn, npuFindings } from "./npus.ts";

const stat = (errors: number, packets = 1_000_000) =>
  `packet statistics:\nmac_rx_total_pkt_num:${packets}\nmac_rx_bad_pkt_num:${errors}\nroce_rx_all_pkt_num:7\nnic_rx_all_oct_num:9\n`;

/** What the tools of a host print on which NPUs 0 to 7 are well, but for `changes`. */
function tools(changes: Readonly<Record<string, string>> = {}) {
  const network = [4, 5, 6, 7].flatMap((id) => [
    [`hccn ${id} stat`, stat(0)],
    [`hccn ${id} link`, "link status: UP"],
    [`hccn ${id} optical`, "optical info:\npresent              : present\nRx Los Flag          : 0x0\n"],
    [`hccn ${id} stat again`, stat(0, 2_000_000)],
  ]);
  const sections: Readonly<Record<string, string>> = {
    user: "0",
    "npu-smi": "/usr/local/sbin/npu-smi",
    hccn_tool: "/usr/local/Ascend/driver/tools/hccn_tool",
    "npu-smi info": npuInfo([0, 1, 2, 3, 4, 5, 6, 7].map((id) => ({ id }))),
    ...Object.fromEntries(network),
    ...changes,
  };
  return {
    output: Object.entries(sections)
      .map(([name, text]) => section(name, text))
      .join(""),
  };
}

function look(
  changes: Readonly<Record<string, string>>,
  { input = sampleInput() as object, containers = [sampleContainer("none")] } = {},
) {
  const made = makePlan("2p2d", input);
  if ("problems" in made) throw new Error("the sample breaks a rule");
  const [host] = made.plan.hosts;
  if (host === undefined) throw new Error("no host");
  const answer = { containers, images: new Map(), files: new Map(), tools: tools(changes) };
  return { findings: npuFindings(made.plan, host, answer), notes: notesOn(made.plan, host, answer) };
}

const oneHost = () =>
  changedInput({
    "hosts.host-b": undefined,
    prefill: [{ host: "host-a", devices: [4, 5], port: 8088 }],
    decode: [{ host: "host-a", devices: [6, 7], port: 8089 }],
  });

const withHealth = (health: Readonly<Record<number, string>>, ids = [0, 1, 2, 3, 4, 5, 6, 7]) => ({
  "npu-smi info": npuInfo(ids.map((id) => ({ id, ...(health[id] !== undefined && { health: health[id] }) }))),
});

test("NPUs that are well give neither finding nor note.", () => {
  expect(look({})).toEqual({ findings: [], notes: [] });
});

test("An NPU in alarm is told with its instance, and with what to write to give that another.", () => {
  const { findings } = look(withHealth({ 5: "Alarm", 1: "Alarm" }));

  expect(findings).toEqual([
    {
      kind: "npu-fault",
      host: "host-a",
      container: "2p2d-prefill-0",
      differences: [{ what: "NPU 5 health", planned: "OK", there: "Alarm" }],
      remedy:
        "in stacks/Pulumi.2p2d.yaml write devices: [4, 0] at prefill[0] (free on host-a: 0, 2, 3), then pulumi up --stack 2p2d",
    },
  ]);
});

test("Where no NPU is free, the entry to take out is named.", () => {
  const all = sampleContainer("other", { "HostConfig.Privileged": true });

  const { findings } = look(withHealth({ 6: "Critical" }), { containers: [all] });

  expect(findings).toMatchObject([
    {
      container: "2p2d-decode-0",
      remedy:
        "take decode[0] out of stacks/Pulumi.2p2d.yaml, then pulumi up --stack 2p2d, which drains it first",
    },
  ]);
});

test("The only instance of its role is not told to be taken out.", () => {
  const { findings } = look(withHealth({ 6: "Alarm" }, [4, 5, 6, 7]), { input: oneHost() });

  expect(findings[0]?.remedy).toBe(
    "in stacks/Pulumi.2p2d.yaml give decode[0], the only decode, NPUs of another host, then pulumi up --stack 2p2d",
  );
});

test("An NPU that npu-smi lists no more is a fault; one whose row is not understood is a note.", () => {
  const lost = look(withHealth({}, [0, 4, 6, 7]));
  const odd = look({
    "npu-smi info": withHealth({})["npu-smi info"].replace("| 5     910B3", "| 5?    910B3"),
  });

  expect(lost.findings).toMatchObject([
    { differences: [{ what: "NPU 5 health", there: "npu-smi lists it no more" }] },
  ]);
  expect(odd.findings).toEqual([]);
  expect(odd.notes).toEqual([
    expect.stringMatching(
      /^host-a: NPU 5 of 2p2d-prefill-0: health: not seen: a row of npu-smi's is not understood/,
    ),
  ]);
});

test.each([
  ["a link that is down", { "hccn 4 link": "link status: DOWN" }, "NPU 4 link", "DOWN"],
  [
    "no optical module",
    { "hccn 4 optical": "optical info:\npresent : not present\n" },
    "NPU 4 optics",
    "not present",
  ],
  [
    "light that was lost",
    { "hccn 4 optical": "present              : present\nRx Los Flag          : 0xff\n" },
    "NPU 4 optics",
    "Rx Los Flag: 0xff",
  ],
  [
    "light below its limit",
    {
      "hccn 4 optical":
        "present : present\nRx Power0 : 0.0100 mW\nRx Power1 : 1.0 mW\nRxPower Low Thres : 0.1445 mW\n",
    },
    "NPU 4 optics",
    "Rx Power0: 0.0100 mW",
  ],
  [
    "an optical module that is too hot",
    { "hccn 4 optical": "present : present\ntemperature : 81 C\nTemp High Thres : 70 C\n" },
    "NPU 4 optics",
    "temperature: 81 C",
  ],
  [
    "broken packets that come now",
    { "hccn 4 stat": stat(40), "hccn 4 stat again": stat(400, 1_001_000) },
    "NPU 4 mac_rx_bad_pkt_num",
    "400, 360 more within seconds",
  ],
])("On several hosts %s is a finding, on one host a note.", (_, changes, what, there) => {
  const several = look(changes);
  const one = look(changes, { input: oneHost() });

  expect(several.findings).toMatchObject([{ container: "2p2d-prefill-0", differences: [{ what, there }] }]);
  expect(one.findings).toEqual([]);
  expect(one.notes).toEqual([expect.stringContaining(there)]);
});

test("Broken packets of former days are a note with their number.", () => {
  const { findings, notes } = look({ "hccn 6 stat": stat(40), "hccn 6 stat again": stat(40, 2_000_000) });

  expect(findings).toEqual([]);
  expect(notes).toEqual([
    "host-a: NPU 6 of 2p2d-decode-0: counters: mac_rx_bad_pkt_num 40 since its driver was loaded",
  ]);
});

test("What all NPUs have in common is told once.", () => {
  const { notes } = look({ hccn_tool: "" });

  expect(notes).toContain(
    "host-a: NPU 4, 5, 6, 7 of 2p2d-prefill-0, 2p2d-decode-0: link: not seen: there is no hccn_tool",
  );
});

test("A npu-smi that fails as a whole is a finding of every instance, and doctor is named.", () => {
  const { findings } = look({ "npu-smi info": "dcmi module initialize failed. ret is -8005" });

  expect(findings.map(({ container, remedy }) => [container, remedy])).toEqual([
    ["2p2d-prefill-0", "npx ascend-pd doctor 2p2d --host host-a"],
    ["2p2d-decode-0", "npx ascend-pd doctor 2p2d --host host-a"],
  ]);
});

test("A container that may hold an NPU of the stack is a note.", () => {
  const { notes } = look({}, { containers: [sampleContainer("other", { "HostConfig.Privileged": true })] });

  expect(notes).toEqual([
    "host-a: the container other is privileged: it may hold /dev/davinci4, /dev/davinci5, /dev/davinci6, /dev/davinci7",
  ]);
});
