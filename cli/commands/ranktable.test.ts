import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tryRun } from "../../system/programs.ts";
import { findCommand } from "../command.ts";
import { fakeHccnTool, ipaddr } from "../testing/hccn-tool.ts";
import { keepConsole, printed } from "../testing/run-command.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { UserError } from "../user-error.ts";
import { ranktable as command } from "./ranktable.ts";

const root = process.cwd();
const folder = inTemporaryFolder();
keepConsole();

/** An hccn_tool on PATH that knows NPUs 0 to 7. */
beforeEach(() => {
  const npus = Array.from({ length: 8 }, (_, npu) => [npu, ipaddr(`29.0.0.${npu + 18}`)]);
  fakeHccnTool(join(folder(), "bin"), Object.fromEntries(npus));
  vi.stubEnv("PATH", `${join(folder(), "bin")}:${process.env.PATH}`);
  process.chdir(folder());
});
afterEach(() => {
  process.chdir(root);
  vi.unstubAllEnvs();
});

/** `ascend-pd ranktable`, in this process, in the test's folder. */
async function ranktable(...args: readonly string[]) {
  vi.clearAllMocks();
  const [found, rest] = findCommand({ ranktable: command }, ["ranktable", ...args]) ?? [command, args];
  let code = 2;
  try {
    code = await found.run(rest);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}`);
  }
  return { code, stdout: printed("log"), stderr: printed("error") };
}

/** The manual's 1p1d on one host. */
const oneHost = ["--prefill-server-list", "4,5", "--decode-server-list", "6,7", "--api-server"];
const at = (ip: string) => ["--host-ip", ip, "--save-dir", ip];

const json = (...path: readonly string[]) => JSON.parse(readFileSync(join(folder(), ...path), "utf8"));

test("The manual's command line writes the manual's files, and says what to do next.", async () => {
  const args = ["ranktable", "--mode", "gen", ...oneHost, ...at("10.0.0.18")];

  const { code, stdout } = await tryRun(resolve(root, "cli/ascend-pd.mjs"), args, { cwd: folder() });

  expect(code).toBe(0);
  expect(readdirSync(join(folder(), "10.0.0.18")).sort()).toEqual([
    "global_ranktable_10.0.0.18.json",
    "local_ranktable_10.0.0.18_45.json",
    "local_ranktable_10.0.0.18_67.json",
    "local_ranktable_10.0.0.18_host.json",
  ]);
  expect(stdout).toMatch(/^wrote .*local_ranktable_10\.0\.0\.18_45\.json$/m);
  expect(stdout).toMatch(/^ {2}export NODE_PORTS=PORT_OF_PREFILL_0,PORT_OF_DECODE_0$/m);
  expect(json("10.0.0.18", "local_ranktable_10.0.0.18_67.json").server_list[0].device[1]).toEqual({
    device_id: "7",
    device_ip: "29.0.0.25",
    rank_id: "1",
  });
});

test("Hosts are generated, merged in the order that is given, checked, and imported.", async () => {
  const first = await ranktable(
    "gen",
    "--prefill-server-list",
    "0,1",
    "2,3",
    "--api-server",
    ...at("10.0.0.18"),
  );
  const second = await ranktable("gen", "--decode-server-list", "4,5", ...at("10.0.0.19"));
  const files = ["10.0.0.19/global_ranktable_10.0.0.19.json", "10.0.0.18/global_ranktable_10.0.0.18.json"];

  const merged = await ranktable("merge", "--global-ranktable-list", ...files, "--save-dir", "all", "--json");
  const locals = ["18_01", "18_23", "18_host", "19_45"].map(
    (name) => `10.0.0.${name.slice(0, 2)}/local_ranktable_10.0.0.${name}.json`,
  );
  const set = ["all/global_ranktable_merge.json", ...files, ...locals];
  const checked = await ranktable("check", ...set, "--node-ports", "8088,8090,8089");
  const imported = await ranktable(
    "import",
    ...set,
    "--node-ports",
    "8088,8090,8089",
    "--scheduler-port",
    "9000",
  );

  expect(first.stderr).toMatch(/^warning: --host-ip 10\.0\.0\.18 is on no interface/);
  expect(second.stdout).toMatch(/no scheduler and no prefill here/);
  expect(JSON.parse(merged.stdout)).toMatchObject({
    file: join(folder(), "all", "global_ranktable_merge.json"),
    table: json("all", "global_ranktable_merge.json"),
    nodePorts: [
      { port: "PORT_OF_PREFILL_0", instance: "10.0.0.18 NPUs 0,1" },
      { port: "PORT_OF_PREFILL_1", instance: "10.0.0.18 NPUs 2,3" },
      { port: "PORT_OF_DECODE_0", instance: "10.0.0.19 NPUs 4,5" },
    ],
  });
  expect([checked.code, checked.stderr]).toEqual([0, ""]);
  expect(checked.stdout).toMatch(/^prefill\[1\] +10\.0\.0\.18 NPUs 2,3 +8090 +10\.0\.0\.18\/local/m);
  expect(imported.code).toBe(0);
  expect(imported.stdout).toContain("host: host-10-0-0-18, devices: [ 2, 3 ], port: 8090");
});

/** As of hosts whose tables say the host's name: everything but the addresses. */
function nameHost(folderOfTables: string, ip: string, name: string): void {
  for (const file of readdirSync(folderOfTables).map((one) => join(folderOfTables, one))) {
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(`"server_id": "${ip}"`, `"server_id": "${name}"`));
  }
}

test("A host's name as server_id is kept by a merge, fits a check, and is told to be lost by an import.", async () => {
  await ranktable("gen", "--prefill-server-list", "4,5", "--api-server", ...at("10.0.0.18"));
  await ranktable("gen", "--decode-server-list", "6,7", ...at("10.0.0.19"));
  nameHost("10.0.0.18", "10.0.0.18", "node-1");
  nameHost("10.0.0.19", "10.0.0.19", "node-2.example.com");
  const hosts = ["18", "19"].map((last) => `10.0.0.${last}/global_ranktable_10.0.0.${last}.json`);
  const all = ["10.0.0.18", "10.0.0.19"].flatMap((name) => readdirSync(name).map((file) => join(name, file)));
  const ports = ["--node-ports", "8088,8089"];

  const merged = await ranktable("merge", "--global-ranktable-list", ...hosts, "--save-dir", "all");
  const checked = await ranktable("check", "all/global_ranktable_merge.json", ...all, ...ports);
  const imported = await ranktable(
    ...["import", "all/global_ranktable_merge.json", ...ports, "--scheduler-port", "9000"],
  );

  expect([merged.code, merged.stderr]).toEqual([0, ""]);
  const [scheduler, prefill, decode] = json("all", "global_ranktable_merge.json").server_group_list;
  expect(scheduler.server_list[0]).toEqual({ server_id: "node-1", server_ip: "10.0.0.18" });
  expect(prefill.server_list[0]).toMatchObject({ server_id: "node-1", server_ip: "10.0.0.18" });
  expect(decode.server_list[0]).toMatchObject({ server_id: "node-2.example.com", server_ip: "10.0.0.19" });
  expect([checked.code, checked.stderr]).toEqual([0, ""]);
  expect(checked.stdout).toMatch(/^prefill\[0\] +10\.0\.0\.18 NPUs 4,5 +8088/m);
  expect(imported.code).toBe(0);
  expect(imported.stderr).toMatch(/^warning: .* scheduler\[0\]\.server_id is not as the planner writes it/);
  expect(imported.stdout).toContain("address: 10.0.0.19");
});

test.each(["merge", "check", "import"])(
  "%s refuses a table with a repeated key, and says where.",
  async (name) => {
    await ranktable("gen", ...oneHost, ...at("10.0.0.18"));
    const path = "10.0.0.18/global_ranktable_10.0.0.18.json";
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace('"rank_id": "1"', '"rank_id": "0", "rank\\u005fid": "1"'),
    );
    const args = {
      merge: ["--global-ranktable-list", path, path],
      check: [path],
      import: [path, "--node-ports", "8088,8089", "--scheduler-port", "9000"],
    }[name];

    const { code, stderr } = await ranktable(name, ...(args ?? []));

    expect(stderr).toMatch(
      /PD206 server_group_list\[1\]\.server_list\[0\]\.device\[1\] {2}"rank_id" stands there twice, the second time in line \d+\n/,
    );
    expect(code).toBe(2);
  },
);

test("check ends with 2 where something is wrong, and says it as JSON too.", async () => {
  await ranktable("gen", ...oneHost, ...at("10.0.0.18"));
  const path = join(folder(), "10.0.0.18", "local_ranktable_10.0.0.18_45.json");
  writeFileSync(path, readFileSync(path, "utf8").replace("29.0.0.22", "29.0.0.99"));
  const files = readdirSync(join(folder(), "10.0.0.18")).map((name) => join("10.0.0.18", name));

  const text = await ranktable("check", ...files);
  const asJson = await ranktable("check", "--json", ...files);

  expect([text.code, asJson.code]).toEqual([2, 2]);
  expect(text.stderr).toMatch(/^10\.0\.0\.18\/local_ranktable_10\.0\.0\.18_45\.json: 1 problem\n {2}PD214 /);
  expect(JSON.parse(asJson.stdout).problems).toMatchObject(
    [{ file: /45\.json$/, code: "PD214" }].map((one) => ({
      ...one,
      file: expect.stringMatching(one.file),
    })),
  );
});

test("With --json, a refusal is JSON too: which file, which problem.", async () => {
  const gen = await ranktable("gen", "--json", "--prefill-server-list", "4,x");
  const merge = await ranktable("merge", "--json", "--global-ranktable-list", "a.json", "b.json");

  expect(JSON.parse(gen.stdout).problems).toMatchObject([{ file: "ranktable gen", code: "PD103" }]);
  expect(JSON.parse(merge.stdout).problems).toMatchObject([
    { file: "a.json", code: "PD205" },
    { file: "b.json", code: "PD205" },
  ]);
  expect([gen.code, merge.code]).toEqual([2, 2]);
});

test("One broken file does not hide what is wrong with the others.", async () => {
  await ranktable("gen", ...oneHost, ...at("10.0.0.18"));
  const path = (name: string) => join("10.0.0.18", `local_ranktable_10.0.0.18_${name}.json`);
  writeFileSync(path("45"), "{");
  writeFileSync(path("67"), readFileSync(path("67"), "utf8").replace("29.0.0.25", "29.0.0.99"));

  const { stderr } = await ranktable(
    "check",
    ...readdirSync("10.0.0.18").map((name) => join("10.0.0.18", name)),
  );

  expect(stderr).toMatch(/_45\.json: 1 problem\n {2}PD201 /);
  expect(stderr).toMatch(/_67\.json: 1 problem\n {2}PD214 /);
});

test("A dry run prints the tables and writes nothing.", async () => {
  const { code, stdout } = await ranktable("gen", ...oneHost, ...at("10.0.0.18"), "--dry-run");

  expect(code).toBe(0);
  expect(stdout).toMatch(/^would write .*global_ranktable_10\.0\.0\.18\.json\n\{\n {4}"version": "1\.0",/m);
  expect(readdirSync(folder())).toEqual(["bin"]);
});

test("Roles of different sizes, and halves of A3 cards, get the verdict that they get in a stack file.", async () => {
  const uneven = ["--prefill-server-list", "4,5", "--decode-server-list", "6"];

  const { code, stdout, stderr } = await ranktable("gen", ...uneven, ...at("10.0.0.18"));

  expect(stderr).toMatch(
    /^warning: PD105 decode\[0\]\.devices: 1 NPU on host-10-0-0-18 while prefill\[0\] has 2; give both/m,
  );
  expect([code, stdout]).toEqual([0, expect.stringContaining("wrote ")]);
});

test("A table of an earlier layout is left, and named.", async () => {
  await ranktable("gen", ...oneHost, ...at("10.0.0.18"));

  const { stderr } = await ranktable("gen", "--prefill-server-list", "4,5", ...at("10.0.0.18"));

  expect(stderr).toMatch(/^warning: .*local_ranktable_10\.0\.0\.18_67\.json is of another layout/m);
});

test.each([
  [[], /^error: say what to do\n/],
  [
    ["--mode", "merge-all"],
    /^error: merge-all .*\nfix: write ascend-pd ranktable merge --global-ranktable-list/,
  ],
  [
    ["--mode=merge-local"],
    /^error: merge-local .*\nfix: an instance over several hosts is not in the manual's format/,
  ],
  [["merge-all"], /^error: merge-all .*\nfix: write ascend-pd ranktable merge /],
  [["gen", ...oneHost, "--ip", "10.0.0.18"], /^error: --ip .*\nfix: write --host-ip ADDRESS/],
  [["--mode", "gen", ...oneHost, "--ip=10.0.0.18"], /^error: --ip .*\nfix: write --host-ip ADDRESS/],
  [
    ["merge", "--local-ranktable-list", "a.json"],
    /^error: --local-ranktable-list .*\nfix: write ascend-pd ranktable merge/,
  ],
  [["--mode", "other"], /^error: --mode other is neither gen nor merge\n/],
  [["gen"], /^error: nothing runs here\nfix: /],
  [["gen", "x"], /^error: unexpected x\nfix: /],
  [["gen", "--prefill-server-list", "4", "--prefill-server-list", "5"], /is there twice\nfix: /],
  [["gen", "--prefill-server-list", "4;>file"], /PD103 .*"4;>file" is not an NPU id\n/],
  [["gen", ...oneHost, "--host-ip", "127.0.0.1"], /^error: --host-ip 127\.0\.0\.1 does not lead here/],
  [["gen", "--prefill-server-list", "8", ...at("10.0.0.18")], /PD122 NPU 8 +has no known address/],
  [["merge", "--global-ranktable-list", "a.json"], /two files at least are needed\nfix: /],
  [["merge", "--global-ranktable-list", "a.json", "b.json"], /^a\.json: 1 problem\n {2}PD205 /],
  [["import", "a.json"], /^error: --node-ports is missing\nfix: /],
  [["import", "a.json", "--node-ports", "1"], /^error: --scheduler-port is missing\nfix: /],
])("%j is refused, and nothing is written.", async (args, complaint) => {
  const { code, stdout, stderr } = await ranktable(...args);

  expect(stderr).toMatch(complaint);
  expect([code, stdout, readdirSync(folder())]).toEqual([2, "", ["bin"]]);
});

test("In a merge, a local table and tables of other systems are refused by name.", async () => {
  await ranktable("gen", ...oneHost, ...at("10.0.0.18"));
  writeFileSync(join(folder(), "hccl.json"), '{ "version": "1.2", "server_list": [] }');
  const local = "10.0.0.18/local_ranktable_10.0.0.18_45.json";

  const { code, stderr } = await ranktable("merge", "--global-ranktable-list", local, "hccl.json");

  expect(code).toBe(2);
  expect(stderr).toMatch(/PD202 \(file\) {2}this is a local rank table; the global one is wanted/);
  expect(stderr).toMatch(/PD202 \(file\) {2}this is an HCCL rank table, version 1\.2/);
});

test("An imported file is written where there is none, never over one.", async () => {
  await ranktable("gen", ...oneHost, ...at("10.0.0.18"));
  const args = [
    "10.0.0.18/global_ranktable_10.0.0.18.json",
    "--node-ports",
    "8088,8089",
    "--scheduler-port",
    "9000",
  ];

  const first = await ranktable("import", ...args, "--out", "Pulumi.x.yaml");
  const second = await ranktable("import", ...args, "--out", "Pulumi.x.yaml");

  expect([first.code, second.code]).toEqual([0, 2]);
  expect(readFileSync(join(folder(), "Pulumi.x.yaml"), "utf8")).toMatch(/^# yaml-language-server/);
  expect(second.stderr).toMatch(/^error: Pulumi\.x\.yaml is there already\nfix: /);
});

test.skipIf(process.getuid?.() === 0)("Where nothing may be written, that is said.", async () => {
  mkdirSync(join(folder(), "10.0.0.18"));
  chmodSync(join(folder(), "10.0.0.18"), 0o500);

  const { code, stderr } = await ranktable("gen", ...oneHost, ...at("10.0.0.18"));

  expect(stderr).toMatch(
    /^error: nothing was written to .*EACCES.*\nfix: choose a folder that you may write to/m,
  );
  expect(code).toBe(2);
});

test("Ctrl-C while NPUs are asked ends it, and nothing is written.", async () => {
  fakeHccnTool(join(folder(), "bin"), { 4: "sh:exec sleep 60" });
  const args = [
    resolve(root, "cli/main.ts"),
    "ranktable",
    "gen",
    "--prefill-server-list",
    "4",
    ...at("10.0.0.18"),
  ];
  // As a terminal does it: every process of the command's group gets the signal.
  const child = spawn(process.execPath, args, { cwd: folder(), detached: true, stdio: "ignore" });
  const ended = once(child, "exit");
  await vi.waitUntil(() => existsSync(join(folder(), "bin", "calls")), { timeout: 30_000 });

  process.kill(-(child.pid ?? 0), "SIGINT");

  expect(await ended).toEqual([null, "SIGINT"]);
  expect(readdirSync(folder())).toEqual(["bin"]);
});

test.each(["gen", "merge", "check", "import"])(
  "%s --help tells how, with examples and exit codes.",
  (name) => {
    const [{ usage }] = findCommand({ ranktable: command }, ["ranktable", name]) ?? [command];

    expect(usage).toMatch(
      new RegExp(`^usage: ascend-pd ranktable ${name} .*\\n[^]*\\nexamples?:\\n[^]*\\nexit codes: 0`),
    );
  },
);
