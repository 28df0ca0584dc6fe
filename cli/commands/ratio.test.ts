import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { plan } from "../../planning/make-plan.ts";
import { sampleMeasurements } from "../../ratio/testing/sample.ts";
import { keepConsole, pieces, printed } from "../testing/run-command.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { UserError } from "../user-error.ts";
import { ratio } from "./ratio.ts";

const folder = inTemporaryFolder();
keepConsole();
let file: string;

beforeEach(() => {
  file = join(folder(), "measured.yaml");
  writeFileSync(file, stringify(sampleMeasurements()));
});

const flags =
  "--input 256 --output 256 --ttft 877.61@16 --tpot 51.43@64 --slo 1000/52 --instance-npus 2".split(" ");

test("Measurements become a number of instances, with what limits them and what they do not know.", async () => {
  const code = await ratio.run([file]);

  expect(printed("log")).toMatch(/^1 prefill instance and 4 decode instances, 10 NPUs, for 12 requests\/s\n/);
  expect(printed("log")).toContain("prefill 18.2/s (prefill.points[0]), decode 4.88/s (decode.points[0])");
  expect(printed("log")).toMatch(/bottleneck +prefill; the rate can grow by 14 %/);
  expect(printed("log")).toMatch(/when one fails +prefill has none left, decode 82 %/);
  expect(printed("log")).toMatch(/N\+1 +2 prefill and 5 decode, 14 NPUs/);
  expect(printed("log")).toMatch(/request rate +1P 3D +2P 4D/);
  expect(printed("log")).toMatch(/input length +to be measured +to be measured/);
  expect(printed("log")).toMatch(/An estimate, not a forecast:[\s\S]*separation may not pay/);
  expect([code, printed("error")]).toEqual([0, ""]);
});

test("Options say the same as a file, and a rate or budget beside a file replaces the file's.", async () => {
  await ratio.run([...flags, "--rate", "12"]);
  await ratio.run([file, "--rate", "12"]);
  await ratio.run([file, "--npus", "16"]);

  const [byOptions, byFile, byBudget] = pieces("log");
  expect(byOptions?.split("\n\n").slice(0, 3)).toEqual(byFile?.split("\n\n").slice(0, 3));
  expect(byOptions).toContain("without p95 lengths nobody knows");
  expect(byBudget).toMatch(/CHOICE +NPUS [\s\S]*\n {2}2P 6D +16 .*\n {2}2P 5D +14 /);
});

test("With a stack, the instances to paste into its file are printed, and the stack can be planned with them.", async () => {
  await ratio.run([...flags.slice(0, -2), "--rate", "12", "--stack", "2p2d"]);

  const [, fragment = ""] = printed("log").split("in place of its prefill and decode:\n\n");
  const stackFile = readFileSync("stacks/Pulumi.2p2d.yaml", "utf8");
  const pasted = parse(stackFile.replace(/^ {4}prefill:[\s\S]*(?=^ {4}scheduler:)/m, `${fragment}\n`));
  const result = plan("2p2d", pasted.config["ascend-pd:deployment"]);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  expect(result.plan.containers.map(({ role, npus }) => [role, ...npus])).toEqual([
    ["prefill", 0],
    ["decode", 1],
    ["decode", 2],
    ["decode", 3],
    ["decode", 4],
    ["scheduler"],
  ]);
});

test("As JSON everything comes with the fragment.", async () => {
  await ratio.run([file, "--npus", "8", "--stack", "2p2d", "--json"]);

  expect(JSON.parse(printed("log"))).toMatchObject({
    plan: {
      sizings: [
        { prefill: 1, decode: 3 },
        { prefill: 1, decode: 2 },
        { prefill: 1, decode: 1 },
      ],
    },
    sensitivities: [{ input: "input length", lower: { code: "PD901" } }, {}, {}, {}, {}],
    refused: [],
    fragment: { prefill: [{ host: "host-a", devices: [0, 1], port: 8088 }] },
  });
});

test("Points that do not count are told, and when none is left the exit code is 2.", async () => {
  const measured = sampleMeasurements();
  measured.prefill.points.push({ input: 4096, batch: 1, ttftMs: 900 });
  writeFileSync(file, stringify(measured));
  const warned = await ratio.run([file]);
  writeFileSync(file, stringify({ ...measured, slo: { ttftMs: 1000, tpotMs: 50 } }));
  const refused = [await ratio.run([file]), await ratio.run([file, "--json"])];
  writeFileSync(file, stringify({ ...measured, utilisation: 2 }));
  refused.push(await ratio.run([file, "--json"]));

  expect(pieces("error")[0]).toMatch(/: 1 warning\n {2}PD901 prefill\.points\[1\] /);
  expect(pieces("error")[1]).toMatch(/: 2 problems\n {2}PD901 .*\n.*\n {2}PD903 decode\.points\[0\] /);
  expect(JSON.parse(String(pieces("log")[1])).problems).toHaveLength(2);
  expect(JSON.parse(String(pieces("log")[2])).problems).toMatchObject([{ path: "utilisation" }]);
  expect([warned, ...refused]).toEqual([0, 2, 2, 2]);
});

test("Long requests that a mean hides, a queue that breaks the SLO, and overload after a failure are told.", async () => {
  const input = { mean: 256, p95: 2048 };
  writeFileSync(
    file,
    stringify({ ...sampleMeasurements(), requestRate: 26, input, slo: { ttftMs: 900, tpotMs: 52 } }),
  );

  await ratio.run([file]);

  expect(printed("log")).toContain("the p95 of the input length is 8 times its mean");
  expect(printed("log")).toContain("with the queue the mean TTFT misses the SLO");
  expect(printed("log")).toMatch(/when one fails +prefill 143 % \(overloaded\)/);
});

test.each([
  [[...flags, "--rate", "many"], 'requestRate  expected a number, got "many"'],
  [flags, '"requestRate" is missing'],
  [["stacks/Pulumi.1p1d.yaml"], 'PD001 config   unknown key "config"'],
])("%j says nothing that can be counted with: exit code 2.", async (args, complaint) => {
  const code = await ratio.run(args);

  expect(printed("error")).toContain(complaint);
  expect(code).toBe(2);
});

test.each([
  [["--rate", "12"], "--input, --output, --ttft, --tpot, --slo missing"],
  [[...flags, "--rate", "12", "--ttft", "877.61"], '--ttft "877.61" is not two numbers with @ between'],
  [["nowhere.yaml"], "nowhere.yaml cannot be read: ENOENT"],
  [["stacks"], "stacks cannot be read: EISDIR"],
  [["README.md", "--npus", "4"], /README\.md(:\d+:\d+)?[: ]/],
  [["stacks/Pulumi.1p1d.yaml", "--ttft", "1@1"], "--ttft stands beside stacks/Pulumi.1p1d.yaml"],
  [
    [...flags, "--npus", "80", "--stack", "2p2d"],
    "stacks/Pulumi.2p2d.yaml: 9 prefill and 31 decode instances do not fit",
  ],
  [[...flags, "--npus", "8", "--stack", "3p3d"], "stacks/Pulumi.3p3d.yaml cannot be read"],
])("%j is the user's mistake.", (args, complaint) => {
  let thrown: unknown;
  try {
    ratio.run(args);
  } catch (error) {
    thrown = error;
  }

  expect(thrown).toBeInstanceOf(UserError);
  expect((thrown as Error).message).toMatch(complaint);
  expect((thrown as Error).message).toContain("fix: ");
});

test("The file in docs/ratio.md gives what stands there.", async () => {
  const [, example = "", , said = ""] = readFileSync("docs/ratio.md", "utf8").split(/^```\w*\n/m);
  writeFileSync(file, example);

  await ratio.run([file]);

  expect(printed("log")).toBe(said.replace(/^\$ .*\n\n/, "").trimEnd());
});

test("Each example of the help works.", async () => {
  const examples = ratio.usage.split("\n").filter((line) => line.startsWith("  ascend-pd ratio "));

  for (const example of examples) {
    const args = example.trim().split(" ").slice(2);
    expect([example, await ratio.run(args.map((arg) => (arg === "measured.yaml" ? file : arg)))]).toEqual([
      example,
      0,
    ]);
  }
  expect(examples).toHaveLength(2);
});
