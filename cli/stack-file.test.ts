import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readStackFile, stackNames, UserError } from "./stack-file.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ascend-pd-stacks-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Reads a stack file of these bytes. */
function read(text: string) {
  writeFileSync(join(folder, "Pulumi.test.yaml"), text);
  return readStackFile("test", folder);
}

test("The deployment of every stack of this repository is read.", () => {
  const stacks = stackNames();

  expect(stacks).toContain("sim-1p1d");
  expect(stacks).toHaveLength(readdirSync("stacks").length);
  for (const stack of stacks) {
    expect(readStackFile(stack)).toMatchObject({
      where: `stacks/Pulumi.${stack}.yaml`,
      deployment: { prefill: expect.any(Array) },
    });
  }
});

test.each([
  ["a bracket that is never closed", "config:\n  ascend-pd:deployment: [1\n", "3:1"],
  ["a tab as indentation", "config:\n\tascend-pd:deployment: 1\n", "2:1"],
  ["a key that is there twice", "config:\n  a: 1\n  b: 2\n  a: 3\n", "4:3"],
  ["a second document", "config: {}\n---\nconfig: {}\n", "2:1"],
  ["a mistake behind a byte order mark and CRLF", '\uFEFFconfig:\r\n  a: 1\r\n  b: "x\r\n', "4:1"],
])("%s is refused with line and column.", (_, text, position) => {
  expect(() => read(text)).toThrow(UserError);
  expect(() => read(text)).toThrow(`${folder}/Pulumi.test.yaml:${position}: `);
});

test("An alias of nothing is refused as the user's mistake.", () => {
  expect(() => read("config: *missing\n")).toThrow(UserError);
  expect(() => read("config: *missing\n")).toThrow(/Pulumi\.test\.yaml: Unresolved alias.*missing\nfix: /);
});

test("A missing file is refused with the names of those there are.", () => {
  for (const name of ["Pulumi.a.yaml", "Pulumi.b-2.yaml", "Pulumi.yaml", "old.Pulumi.z.yaml"])
    writeFileSync(join(folder, name), "");

  const read = () => readStackFile("c", folder);

  expect(read).toThrow(UserError);
  expect(read).toThrow(/Pulumi\.c\.yaml cannot be read\nfix: choose one of the stacks there are: a, b-2$/);
});

test.each([
  ["an empty file", ""],
  ["only a comment", "# nothing yet\n"],
  ["no configuration", "encryptionsalt: v1:abc\n"],
  ["an empty configuration", "config:\n"],
  ["a list", "- config\n"],
  ["the configuration of another project", "config:\n  other:deployment: {}\n"],
])("%s has no deployment.", (_, text) => {
  expect(read(text).deployment).toBeUndefined();
});

test("A byte order mark and CRLF change nothing.", () => {
  const text = "config:\n  ascend-pd:deployment:\n    engine: { kind: simulated }\n";

  const plain = read(text);
  const windows = read(`\uFEFF${text.replaceAll("\n", "\r\n")}`);

  expect(plain.deployment).toEqual({ engine: { kind: "simulated" } });
  expect(windows).toEqual(plain);
});
