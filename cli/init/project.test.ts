import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tryRun } from "../../system/programs.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "My Project-"));
});

afterEach(() => rm(folder, { recursive: true }));

const init = (...args: string[]) => tryRun(resolve("cli/ascend-pd.mjs"), ["init", ...args], { cwd: folder });
const read = (path: string) => readFile(join(folder, path), "utf8");

test("An empty folder becomes a project with a simulated stack that plans.", async () => {
  const { code, stdout } = await init();

  expect(code).toBe(0);
  expect(stdout).toMatch(/^scheduler +first-scheduler +local/m);
  expect((await readdir(folder)).sort()).toEqual([
    ".gitignore",
    "Pulumi.yaml",
    "index.ts",
    "package.json",
    "stacks",
  ]);
  expect(await read("Pulumi.yaml")).toMatch(/^name: my-project-/);
});

test("A package.json that is there keeps what it says, and gets what it lacks.", async () => {
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name: "mine", dependencies: { "ascend-pd": "file:../ascend-pd.tgz", other: "1.0.0" } }),
  );

  await init("--stack=one");

  expect(JSON.parse(await read("package.json"))).toMatchObject({
    name: "mine",
    type: "module",
    dependencies: {
      "ascend-pd": "file:../ascend-pd.tgz",
      other: "1.0.0",
      "@pulumi/pulumi": expect.any(String),
    },
  });
});

test.each([
  ["index.ts", "", "index.ts is there, and no Pulumi.yaml"],
  ["package.json", '{ "type": "commonjs" }', 'package.json says "type": "commonjs"'],
  ["package.json", "{", "package.json cannot be read: Expected property name.*"],
  ["Pulumi.yaml", "", "USER@HOST is missing"],
])("Where %s is in the way, nothing is written.", async (file, text, said) => {
  await writeFile(join(folder, file), text);

  const { code, stderr } = await init();

  expect(stderr).toMatch(new RegExp(`^error: ${said}\nfix: `));
  expect(code).toBe(2);
  expect(await readdir(folder)).toEqual([file]);
  expect(await read(file)).toBe(text);
});
