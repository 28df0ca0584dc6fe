import { expect, test } from "vitest";
import { changedInput, onVllmAscend } from "../planning/testing/sample-input.ts";
import { hostFacts } from "./facts.ts";
import { checkHosts, hostChecks, type Result } from "./index.ts";
import { type Case, cases } from "./testing/cases.ts";
import { a3Info } from "./testing/sample-outputs.ts";
import {
  npuInfo,
  type ReportChanges,
  sampleContainer,
  sampleHosts,
  sampleReport,
} from "./testing/sample-report.ts";

/** How every check goes on host-a, whose report has `changes`, beside host-b. */
function resultsOf(changes: ReportChanges, other: ReportChanges = {}): readonly Result[] {
  const facts = sampleHosts().map((host, index) =>
    hostFacts(host, sampleReport(host, index === 0 ? changes : other)),
  );
  return checkHosts(facts)[0]?.results ?? [];
}

const failing = (results: readonly Result[]) =>
  results.filter(({ status }) => status === "error" || status === "warning");

const resultOf = (code: string, changes: ReportChanges) =>
  resultsOf(changes).find((one) => one.code === code);

test("A host on which all is well passes every check.", () => {
  const results = resultsOf({});

  expect(results.filter(({ status }) => status !== "ok")).toEqual([]);
});

test.each(cases)(
  "$breaks is all that fails where its case is: with what was seen, and its fix.",
  (one: Case) => {
    const failures = failing(resultsOf(one.changes, one.other));

    const severity = hostChecks.find(({ code }) => code === one.breaks)?.severity;
    expect(failures.map(({ code, status }) => ({ code, status }))).toEqual([
      { code: one.breaks, status: severity },
    ]);
    expect([failures[0]?.seen[0], failures[0]?.fixes[0]]).toEqual([one.seen, one.fix]);
  },
);

test.each(cases)("$breaks passes when its fix is followed.", ({ breaks, mended = {} }) => {
  const results = resultsOf(mended);

  expect(results.find(({ code }) => code === breaks)?.status).toBe("ok");
  expect(failing(results)).toEqual([]);
});

test("An IPv6 address is found among those that the kernel lists, and shown as people write it.", () => {
  const listed = "00000000000000000000000000000001\n20010db8000000000000000000000018\n127.0.0.1";
  const resultAt = (address: string) => {
    const [host] = sampleHosts();
    if (host === undefined) throw new Error("there is no sample host");
    const wanted = { ...host, address };
    const facts = hostFacts(wanted, sampleReport(wanted, { said: { addresses: listed } }));
    return checkHosts([facts])[0]?.results.find(({ code }) => code === "HC601");
  };

  expect(resultAt("2001:db8::18")).toMatchObject({ status: "ok" });
  expect(resultAt("2001:db8::19")?.seen[0]).toBe("2001:db8::19 is none of its addresses: 2001:db8::18");
});

test("Podman is called Podman.", () => {
  const podman = {
    "version.Version": "5.4.0",
    "version.Components": [{ Name: "Podman Engine" }, { Name: "Conmon" }],
  };

  expect(resultOf("HC103", { engine: podman })).toMatchObject({
    status: "error",
    seen: ["Podman 5.4.0, which only resembles a Docker Engine"],
  });
});

test("Every check has a case, a code of its own, and its place in the order of codes.", () => {
  const codes = hostChecks.map(({ code }) => code);

  expect(codes).toEqual([...new Set(codes)].sort());
  expect(codes).toEqual(cases.map(({ breaks }) => breaks));
});

test("Of a host that is not reached, nothing is said but that.", () => {
  const results = resultsOf({ noAnswer: "Connection timed out", noEngine: "Connection timed out" });

  expect(results.map(({ status }) => status)).toEqual(["error", ...hostChecks.slice(1).map(() => "unseen")]);
});

test("A host that is not reached leaves the others' checks alone.", () => {
  const [a, b] = sampleHosts().map((host, index) =>
    hostFacts(host, sampleReport(host, index === 0 ? { noAnswer: "gone", noEngine: "gone" } : {})),
  );
  if (a === undefined || b === undefined) throw new Error("the sample has two hosts");

  const results = checkHosts([a, b])[1]?.results ?? [];

  expect(results.filter(({ status }) => !["ok", "not applicable"].includes(status))).toEqual([]);
});

test("What a host does not say is unseen, and never ok.", () => {
  const all = [
    "clock",
    "nodes",
    "files",
    "npu-smi",
    "hccn_tool",
    "npu-smi info",
    "board",
    "version.info",
    "tcp",
    "sshd",
    "df",
  ];

  for (const section of all) {
    const results = resultsOf({ said: { [section]: undefined } });

    expect(failing(results), section).toEqual([]);
    expect(results.some(({ status }) => status === "unseen") || section === "version.info", section).toBe(
      true,
    );
  }
});

test("Where the tool is not allowed to look, that is told in its words.", () => {
  const result = resultOf("HC403", { said: { "hccn 5 link": "[ERROR] open device: permission denied" } });

  expect(result).toMatchObject({
    status: "unseen",
    seen: ['NPU 5: it printed "[ERROR] open device: permission denied"'],
  });
});

test("A skipped check is shown with its reason, and fails no more.", () => {
  const [host] = sampleHosts();
  if (host === undefined) throw new Error("the sample has two hosts");
  const facts = hostFacts(host, sampleReport(host, { engine: { images: new Map() } }));

  const [results] = checkHosts([facts], new Map([["HC108", "pulled by up"]]));

  expect(results?.results.find(({ code }) => code === "HC108")).toMatchObject({
    status: "skipped",
    seen: ["pulled by up"],
  });
});

test("On A3 a process is on the die that npu-smi says, not on its neighbour.", () => {
  const rows = a3Info.replace("| 1     NA ", "| 1     5  ").replace("Alarm", "OK");
  const said = { "npu-smi info": rows.replace(/^.*845053.*\n/m, "") };

  expect(resultOf("HC205", { said })?.status).toBe("error");
  expect(resultOf("HC205", { said })?.seen).toEqual(["NPU 4 is used by process 824166 (VLLMWorker_TP)"]);
});

test("Processes are nobody's where it is not known which containers run.", () => {
  const said = { "npu-smi info": npuInfo([{ id: 4, process: [2290156, "VLLMEngineCore"] }]) };

  expect(resultsOf({ said, noEngine: "stopped" }).find(({ code }) => code === "HC205")?.status).toBe(
    "unseen",
  );
});

test("An account that may not log in is quoted, though it says so on standard output.", () => {
  const [a] = sampleHosts();
  if (a === undefined) throw new Error("the sample has two hosts");
  const report = { ...sampleReport(a, { noEngine: "gone" }), failure: "exit code 1" };

  const [results] = checkHosts([
    hostFacts(a, { ...report, output: "This account is currently not available.\n" }),
  ]);

  expect(results?.results[0]).toMatchObject({
    status: "error",
    seen: [expect.stringContaining("exit code 1; This account is currently not available.")],
  });
});

test.each([
  ["drwxr-x--- 2 1001 100 4096 Nov 20 10:00 /data/models", "HC505"],
  ["drwxr-xr-t 2 1001 100 4096 Nov 20  2025 /data/models", undefined],
])("A folder above the weights that is %s: %s.", (folder, code) => {
  const folders = `${folder}\ndrwxr-xr-x 2 0 0 4096 Nov 20 10:00 /data/models/qwen2.5-7b`;

  expect(failing(resultsOf({ said: { folders } })).map((one) => one.code)).toEqual(
    code === undefined ? [] : [code],
  );
});

test("Everything that is wrong with several NPUs is told.", () => {
  const down = "link status: DOWN";

  const result = resultOf("HC403", {
    said: { "hccn 4 link": down, "hccn 7 link": down, "hccn 5 link": "?" },
  });

  expect(result?.seen).toEqual(["the link of NPU 4 is DOWN", "the link of NPU 7 is DOWN"]);
  expect(result?.fixes).toHaveLength(2);
});

test("One NPU that could not be seen keeps a check from being ok.", () => {
  expect(resultOf("HC403", { said: { "hccn 5 link": "?" } })?.status).toBe("unseen");
});

test("Without npu-smi nothing that it would say is guessed at.", () => {
  const results = resultsOf({ said: { "npu-smi": "", "npu-smi info": undefined } });

  for (const code of ["HC205", "HC303", "HC304", "HC305"]) {
    expect(results.find((one) => one.code === code)).toMatchObject({
      status: "unseen",
      seen: ["there is no npu-smi"],
    });
  }
});

test("Where vllm-ascend runs all is looked at too, and NPUs may have any address that the stack file does not say.", () => {
  const [host, other] = sampleHosts(changedInput({ ...onVllmAscend(), "hosts.host-a.deviceIps": undefined }));
  if (host === undefined || other === undefined) throw new Error("there are two hosts");
  const npus = [4, 5, 6, 7];
  const said = {
    ...Object.fromEntries(npus.map((id) => [`hccn ${id} ip`, `ipaddr:29.0.0.${id}\nnetmask:255.255.255.0`])),
    "hccn.conf": npus.map((id) => `address_${id}=29.0.0.${id}`).join("\n"),
  };

  const facts = [hostFacts(host, sampleReport(host, { said })), hostFacts(other, sampleReport(other))];
  const results = checkHosts(facts).flatMap((one) => one.results);

  expect(results.filter(({ status }) => status !== "ok")).toEqual([]);
});

test("Without hccn_tool the stack file is compared with /etc/hccn.conf.", () => {
  const said = { hccn_tool: "", "hccn.conf": "address_4=29.0.0.22\naddress_5=29.0.0.99" };

  expect(resultOf("HC401", { said })?.seen).toContain(
    "/etc/hccn.conf says 29.0.0.99 of NPU 5, while hosts.host-a.deviceIps.5 is 29.0.0.23",
  );
});

test.each([
  ["ascend", "0-4", "error"],
  ["ascend", "5,7", "error"],
  ["ascend", "0-3,8", "ok"],
  ["ascend", "void", "ok"],
  ["runc", "0-4", "ok"],
])("A container that asks the runtime %s for %s is seen to hold those: %s.", (runtime, list, status) => {
  const container = sampleContainer("other", {
    "HostConfig.Runtime": runtime,
    "Config.Env": [`ASCEND_VISIBLE_DEVICES=${list}`],
  });

  expect(resultOf("HC203", { engine: { alive: [container] } })?.status).toBe(status);
});

test.each([
  ["running", "error"],
  ["paused", "error"],
  ["restarting", "error"],
  ["exited", "ok"],
])("A container that is %s holds its NPUs: %s.", (state, status) => {
  const container = sampleContainer("other", {
    "State.Status": state,
    "HostConfig.Devices": [{ PathOnHost: "/dev/davinci4" }],
  });

  const result = resultOf("HC203", { engine: { alive: [container] } });

  expect(result?.status).toBe(status);
  if (status === "error")
    expect(result?.seen).toEqual([`/dev/davinci4 is held by the ${state} container other`]);
});

test("The stack's own container may hold its NPUs, and HCCL's ports with them.", () => {
  const own = sampleContainer("2p2d-prefill-0", {
    "Config.Labels": { "ascend-pd.stack": "2p2d" },
    "HostConfig.Devices": [{ PathOnHost: "/dev/davinci4" }],
  });

  const results = resultsOf({ said: { tcp: "00000000:EA60" }, engine: { alive: [own] } });

  expect(failing(results)).toEqual([]);
});

test("A port of HCCL's that another program has is a conflict.", () => {
  expect(resultOf("HC602", { said: { tcp: "00000000:EA60" } })?.seen).toEqual([
    "port 60000, for HCCL, is held by another program",
  ]);
});

test("Who holds a port counts for more than what a container of the stack was told to take.", () => {
  const own = sampleContainer("2p2d-prefill-0", {
    "Config.Labels": { "ascend-pd.stack": "2p2d" },
    "Config.Cmd": ["--port=8088"],
  });
  const held = (listeners: string) =>
    resultOf("HC602", { said: { tcp: "00000000:1F98", listeners }, engine: { alive: [own] } })?.status;

  expect([held(`8088 4711 ${own.Id} /python`), held("8088 4711 - /python"), held("")]).toEqual([
    "ok",
    "error",
    "ok",
  ]);
});

test("Reserved ports that are not one range are kept in the fix.", () => {
  const result = resultOf("HC603", { said: { reserved: "60000-60010,61000" } });

  expect(result?.fixes[0]).toContain("ip_local_reserved_ports=60000-60010,61000,60000-60031`");
});

test("What a host prints reaches no terminal as a command, and floods none.", () => {
  const name = `\u001b[2J\u009b31m\u202e${"x".repeat(5000)}`;
  const info = npuInfo([{ id: 4, process: [1234567, "evil"] }, { id: 5 }, { id: 6 }, { id: 7 }]);

  const [seen = ""] = resultOf("HC205", { said: { "npu-smi info": info.replace("evil", name) } })?.seen ?? [];

  expect(seen).toContain("NPU 4 is used by process 1234567 (\\u001b[2J\\u009b31m\\u202exxx");
  expect(seen.length).toBeLessThanOrEqual(600);
});
