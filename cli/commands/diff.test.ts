import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { run, tryRun } from "../../system/programs.ts";
import { fixture } from "../testing/previews.ts";
import { keepConsole, pieces, printed } from "../testing/run-command.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { diff } from "./diff.ts";

const folder = inTemporaryFolder();
keepConsole();

const fixturePath = (name: string) => `cli/testing/previews/${name}.json`;

/** A file of this content. */
function file(content: string | Uint8Array, name = "preview.json"): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

test.each([
  ["no-change", 0],
  ["changed-port", 2],
  ["refused", 1],
])("%s: exit code %i, and a comment.", async (name, expected) => {
  const code = await diff.run([fixturePath(name)]);

  expect(printed("log")).toMatch(/^### `pv`: /);
  expect(code).toBe(expected);
});

test("The comment of a changed port.", async () => {
  await diff.run([fixturePath("changed-port")]);

  await expect(`${printed("log")}\n`).toMatchFileSnapshot("../testing/previews/changed-port.md");
});

test("A failed preview says what failed, in the comment; and where a policy's word stands.", async () => {
  await diff.run([fixturePath("refused")]);

  expect(printed("log")).toMatch(/^### `pv`: the preview failed\n\n```\n.*1 problem\n {2}PD102 /);
  expect(printed("error")).toMatch(/^error: the preview failed\nfix: .*policy/);
});

test("As JSON, the meaning is text and the changes are values.", async () => {
  const codes = [
    await diff.run(["--json", fixturePath("changed-port")]),
    await diff.run(["--json", fixturePath("refused")]),
  ];

  const [difference, failure] = pieces("log").map((text) => JSON.parse(text));
  expect(difference).toMatchObject({
    source: "preview",
    stack: "pv",
    meaning: { headline: "restarts 1 instance" },
    changes: [
      {
        subject: "decode",
        name: "decode-0",
        operation: "replace",
        after: { host: "local", npus: [6, 7] },
        properties: [{ property: "--port", old: "18701", new: "18709" }],
      },
      { subject: "scheduler" },
    ],
  });
  expect(failure.errors).toHaveLength(1);
  expect(codes).toEqual([2, 1]);
});

test.each<[string, () => string | Uint8Array, RegExp]>([
  ["empty", () => "\n", /is empty\nfix: /],
  ["cut off in a value", () => JSON.stringify(fixture("changed-port")).slice(0, 9000), /ends in the middle/],
  ["cut off between values", () => '{"steps":[', /ends in the middle, after 10 characters\nfix: /],
  ["no JSON", () => '{"steps": [}]}', /is not JSON\nfix: /],
  ["text", () => "warning: none", /is not JSON\nfix: /],
  ["npm's", () => '\n> ascend-pd@0.1.0 pulumi\n> node x\n\n{"steps":[]}', /npm's own lines\nfix: .*--silent/],
  ["UTF-16", () => Buffer.from('{"steps":[]}', "utf16le"), /is not UTF-8 text\nfix: /],
  [
    "a stream of events",
    () => '{"sequence":0}\n{"sequence":1}\n',
    /stream of JSON lines.*\nfix: .*STREAMING/,
  ],
  ["a state", () => '{"version":3,"deployment":{}}', /is no preview\nfix: /],
  ["one Plan", () => '{"plan":{}}', /is a Plan: a second one is needed\nfix: /],
])("A file that is %s fails with what it is.", async (_, content, complaint) => {
  const code = await diff.run([file(content())]);

  expect(printed("error")).toMatch(complaint);
  expect([code, printed("log")]).toEqual([1, ""]);
});

test("A file that is too large is not read to its end, which may never come.", async () => {
  const code = await diff.run(["/dev/zero"]);

  expect(printed("error")).toMatch(/is larger than 64 MB\nfix: /);
  expect(code).toBe(1);
});

test("Nesting without end is refused.", async () => {
  const deep = `${'{"a":'.repeat(2e5)}1${"}".repeat(2e5)}`;

  const code = await diff.run([
    file(`{"steps":[{"op":"create","urn":"urn:pulumi:a::b::c::d","newState":{"inputs":${deep}}}]}`),
  ]);

  expect(printed("error")).toMatch(/^error: a value is nested deeper than 100 levels\nfix: /);
  expect(code).toBe(1);
});

test("A byte order mark does not matter.", async () => {
  expect(await diff.run([file(`\uFEFF${JSON.stringify(fixture("no-change"))}`)])).toBe(0);
});

test.each([
  [[], /^error: PREVIEW is missing\nfix: /],
  [["a", "b", "c"], /^error: one file too many: c$/],
  [["-", "-"], /^error: only one file can be the standard input$/],
  [["--jsn", "a"], /^error: Unknown option '--jsn'\nfix: /],
  [["no-such-file"], /^error: no-such-file cannot be read: ENOENT.*\nfix: /],
  [["cli"], /^error: cli cannot be read: EISDIR.*\nfix: /],
  [
    [fixturePath("no-change"), fixturePath("no-change")],
    /^error: .*no-change\.json is no Plan of this version\nfix: /,
  ],
])("%j is an error, exit code 1.", async (args, complaint) => {
  const code = await diff.run(args);

  expect(printed("error")).toMatch(complaint);
  expect([code, printed("log")]).toEqual([1, ""]);
});

test("In a shell: a Plan from a pipe against the recorded one.", async () => {
  const ascendPd = resolve("cli/ascend-pd.mjs");
  const pipe = `"${ascendPd}" plan 2p2d --json | "${ascendPd}" diff test/golden/2p2d.plan.json -`;

  expect(await run("sh", ["-c", pipe])).toBe("### `2p2d`: no change (predicted from two Plans)\n");
});

test("In a shell: changes are exit code 2.", async () => {
  const { code, stdout } = await tryRun("sh", [
    "-c",
    `cli/ascend-pd.mjs diff - < ${fixturePath("changed-image")}`,
  ]);

  expect(stdout).toMatch(/^### `pv`: restarts 2 instances and the scheduler\n/);
  expect(code).toBe(2);
});
