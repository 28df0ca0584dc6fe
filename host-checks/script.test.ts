import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleInput } from "../planning/testing/sample-input.ts";
import { hostFacts, readKinds, readSections } from "./facts.ts";
import { hostScript, kindsScript, npuScript } from "./script.ts";
import { sampleHosts, sampleReport } from "./testing/sample-report.ts";
import type { WantedHost } from "./wanted.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ascend-pd-script-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const [host] = sampleHosts();
if (host === undefined) throw new Error("the sample has two hosts");

/** Shells that a host may have, and with busybox its tools before all others. */
const busybox = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync);
const shells = [["sh"], ["bash"], ...(busybox === undefined ? [] : [[busybox, "sh"]])];

function run(script: string, [shell = "sh", ...args]: readonly string[], path = process.env.PATH ?? "") {
  const tools = busybox === shell ? `${busyboxTools()}:${path}` : path;
  const { stdout, stderr } = spawnSync(shell, args, {
    input: script,
    encoding: "utf8",
    env: { PATH: tools },
  });
  return { sections: readSections(stdout), stderr };
}

const outputOf = (script: string, path: string): string =>
  spawnSync("sh", { input: script, encoding: "utf8", env: { PATH: path } }).stdout;

function busyboxTools(): string {
  const tools = join(folder, "busybox");
  if (existsSync(tools)) return tools;
  mkdirSync(tools);
  spawnSync(busybox ?? "", ["--install", "-s", tools]);
  return tools;
}

/** A folder of programs of our own, before all others. */
function withTools(name: string, tools: Readonly<Record<string, string>>): string {
  const place = join(folder, name);
  mkdirSync(place);
  for (const [tool, body] of Object.entries(tools)) {
    writeFileSync(join(place, tool), `#!/bin/sh\n${body}\n`);
    chmodSync(join(place, tool), 0o755);
  }
  return `${place}:${process.env.PATH}`;
}

test.each(shells)("The script asks everything that the checks read (%s %s).", (...shell) => {
  const tools = { "npu-smi": "echo said $*", hccn_tool: "echo said $*" };
  const { sections, stderr } = run(
    hostScript(host),
    shell,
    withTools(shell.join("-").replaceAll("/", ""), tools),
  );

  const read = readSections(sampleReport(host).output);
  expect([...sections.keys()].sort()).toEqual([...read.keys()].sort());
  expect(sections.get("hccn 5 net_health")).toEqual({ value: "said -i 5 -net_health -g\n" });
  expect(sections.get("clock")).toEqual({ value: expect.stringMatching(/^\d{10}\n$/) });
  expect(sections.get("tcp")).toEqual({ value: expect.stringMatching(/^([0-9A-F]+:[0-9A-F]{4}\n)*$/) });
  expect(sections.get("addresses")).toEqual({ value: expect.stringContaining("127.0.0.1\n") });
  expect(sections.get("df")).toEqual({ value: expect.stringMatching(/ \d+% +\/\n/) });
  expect(stderr).toBe("");
});

test.each(shells)("What stands at a path is told, and no path is read as a command (%s %s).", (...shell) => {
  const trap = join(folder, "trap");
  writeFileSync(join(folder, "file"), "");
  const paths = [
    folder,
    join(folder, "file"),
    "/dev/null",
    join(folder, "none/deeper"),
    `$(touch ${trap})`,
    `'; touch ${trap}; '`,
    "-e",
    "",
  ];

  const { sections } = run(kindsScript(paths), shell);

  const kinds = readKinds(sections.get("nodes") ?? { unreadable: "" }, paths);
  expect([...kinds.values()]).toEqual([
    { value: "folder" },
    { value: "file" },
    { value: "device" },
    ...Array.from({ length: 5 }, () => ({ value: "missing" })),
  ]);
  expect(existsSync(trap)).toBe(false);
});

test.each(shells)("A tool that floods is cut, and zeros are lost (%s %s).", (...shell) => {
  const tools = { "npu-smi": "yes '@tcp'", hccn_tool: "head -c 100 /dev/zero; echo end" };
  const path = withTools(`flood-${shell.join("-").replaceAll("/", "")}`, tools);

  const { sections } = run(hostScript(host), shell, path);

  expect(sections.get("npu-smi info")).toEqual({ unreadable: "it printed too much" });
  expect(sections.get("hccn 4 ip")).toEqual({ value: "end\n" });
});

test("A tool that hangs is killed, and not asked again.", () => {
  const count = join(folder, "count");
  const path = withTools("hang", { hccn_tool: `echo >> ${count}; exec sleep 600` });

  const { sections } = run(hostScript(host), ["sh"], path);

  for (const section of ["hccn 4 ip", "hccn 7 tls"]) {
    expect(sections.get(section)).toEqual({ unreadable: "it did not end in time" });
  }
  expect(spawnSync("wc", ["-l", count], { encoding: "utf8" }).stdout).toMatch(/^1 /);
});

test("Half a script does nothing.", () => {
  const script = hostScript(host);

  const { sections } = run(script.slice(0, script.indexOf("part df")), ["sh"]);

  expect(sections.size).toBe(0);
});

test("Without NPUs and SSH, no tool of either is asked.", () => {
  const { docker, hostKey, ...local } = host;
  const wanted: WantedHost = { ...local, npus: [] };

  expect(hostScript(wanted)).not.toMatch(/part (.npu-smi|hccn_tool|sshd)/);
});

test("The weights are looked for below the innermost mount that holds them, as the host sees it.", () => {
  const input = sampleInput();
  Object.assign(input.engine, {
    workDir: { source: "/nfs/", target: "/data" },
    mounts: [{ source: "/nvme/models", target: "/data/models" }],
  });

  expect(sampleHosts(input)[0]?.model).toEqual({
    path: "/nvme/models/qwen2.5-7b",
    folders: ["/nvme/models"],
    user: "ma-user",
  });
});

test.each(shells)("The board that is asked for is the first one that npu-smi lists (%s %s).", (...shell) => {
  const info = join(folder, `cards-${shell.join("-").replaceAll("/", "")}`);
  writeFileSync(
    info,
    "| npu-smi 25.2.0 |\n| NPU   Name |\n| 32768   310P3      | OK |\n| 0  3 | 0000:81:00.0 |\n",
  );
  const tools = { "npu-smi": `[ "$*" = info ] && exec cat ${info}; echo said $*` };

  const { sections } = run(
    hostScript(host),
    shell,
    withTools(`board-${shell.join("-").replaceAll("/", "")}`, tools),
  );

  expect(sections.get("board")).toEqual({ value: "said info -t board -i 32768\n" });
});

test.each(shells)("A busy hccn_tool is asked again, for so long as a look may take (%s %s).", (...shell) => {
  const name = `busy-${shell.join("-").replaceAll("/", "")}`;
  const busy = "hccn_tool is busy, please try again.";
  const times = join(folder, `${name}-times`);
  writeFileSync(times, "");
  const path = withTools(name, {
    hccn_tool: `[ "$*" = "-i 5 -link -g" ] || exec echo fine\necho >> ${times}; [ $(wc -l < ${times}) -gt 2 ] && exec echo fine\necho "${busy}"; exit 1`,
  });

  const { sections } = run(hostScript(host), shell, path);

  expect(sections.get("hccn 5 link")).toEqual({ value: "fine\n" });
});

test.each(shells)("Of NPUs that run, health and links are asked, and counters twice (%s %s).", (...shell) => {
  const tools = { "npu-smi": "echo said $*", hccn_tool: "echo said $*" };
  const path = withTools(`npus-${shell.join("-").replaceAll("/", "")}`, tools);

  const { sections, stderr } = run(npuScript([4, 15]), shell, path);

  expect(sections.get("npu-smi info")).toEqual({ value: "said info\n" });
  for (const id of [4, 15]) {
    for (const option of ["stat", "link", "optical"])
      expect(sections.get(`hccn ${id} ${option}`)).toEqual({ value: `said -i ${id} -${option} -g\n` });
    expect(sections.get(`hccn ${id} stat again`)).toEqual({ value: `said -i ${id} -stat -g\n` });
  }
  expect(stderr).toBe("");
});

test("A hccn_tool that stays busy is told as busy.", () => {
  const path = withTools("always-busy", { hccn_tool: "echo hccn_tool is busy, please try again." });

  const { sections } = run(hostScript(host), ["sh"], path);

  expect(sections.get("hccn 7 tls")).toEqual({ value: "hccn_tool is busy, please try again.\n" });
}, 30_000);

test("A tool whose library is missing, or that may not be run, is told with its code.", () => {
  const path = withTools("broken", { hccn_tool: "exit 1" });
  const broken = join(folder, "broken", "npu-smi");
  writeFileSync(broken, "#!/none/loader\n");
  chmodSync(broken, 0o755);

  const facts = hostFacts(host, { ...sampleReport(host), output: outputOf(hostScript(host), path) });

  expect(facts.code("npu-smi info")).toBe(process.platform === "linux" ? 127 : 126);
  expect(facts.code("hccn 4 ip")).toBe(1);
});

test("Facts of a real run are facts.", () => {
  const { stdout } = spawnSync("sh", [], { input: hostScript(host), encoding: "utf8" });

  const facts = hostFacts(host, { ...sampleReport(host), output: stdout });

  expect(facts.reached).toBe(true);
  expect(facts.kind("/dev/davinci_none")).toEqual({
    unreadable: "its answer says nothing of /dev/davinci_none",
  });
});
