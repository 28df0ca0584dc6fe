import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readStackFile, stackNames } from "./stack-file.ts";
import { inTemporaryFolder } from "./testing/temporary-folder.ts";
import { UserError } from "./user-error.ts";

const folder = inTemporaryFolder();

/** Reads a stack file of these bytes. */
function read(text: string | Buffer) {
  writeFileSync(join(folder(), "Pulumi.test.yaml"), text);
  return readStackFile("test", folder());
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
  expect(() => read(text)).toThrow(`${folder()}/Pulumi.test.yaml:${position}: `);
});

test.each([
  ["a byte that is not UTF-8", Buffer.from("config:\n  é: \xE9\n", "latin1"), "2:3"],
  ["UTF-16", Buffer.from("\uFEFFconfig: 1\n", "utf16le"), "1:1"],
  ["UTF-16 without a byte order mark", Buffer.from("config: 1\n", "utf16le"), "1:2"],
  ["a key that is a list, as of {{ image }}", "config:\n  image: {{ image }}\n", "2:11"],
  ["a tag that nothing explains", "config:\n  a: !secret x\n", "2:6"],
  ["an octal number to some readers of YAML", "config:\n  port: 010000\n", "2:9"],
  ["a date to some readers of YAML", "config:\n  servedName: 2026-01-31\n", "2:15"],
  ["a number to some readers of YAML", "config:\n  servedName: 1_000\n", "2:15"],
  ["a binary number to some readers of YAML", "config:\n  servedName: 0b11\n", "2:15"],
  ["an alias of nothing", "config:\n  a: *missing\n", "2:6"],
  ["an alias within what it stands for", "config:\n  a: &a [1, *a]\n", "2:13"],
  ["a bomb of aliases", bomb(8), "7:47"],
  ["a bomb of aliases that outgrows every number", bomb(400), "7:47"],
])("%s is refused with line and column.", (_, text, position) => {
  expect(() => read(text)).toThrow(UserError);
  expect(() => read(text)).toThrow(`${folder()}/Pulumi.test.yaml:${position}: `);
});

/** Lists of ten aliases of lists of ten aliases. */
function bomb(depth: number): string {
  const lists = Array.from({ length: depth }, (_, level) => {
    const item = level === 0 ? "x" : `*a${level - 1}`;
    return `  l${level}: &a${level} [${Array(10).fill(item).join(", ")}]\n`;
  });
  return `config:\n${lists.join("")}`;
}

test("Anchors, aliases and merge keys mean what Pulumi takes them for.", () => {
  const { deployment } = read(`config:
  ascend-pd:deployment:
    base: &base { host: a, extraEnv: &env { A: "1" } }
    alias: *env
    merged: { <<: *base, host: b }
    several: { <<: [{ a: 1 }, { a: 2, b: 2 }] }
`);

  expect(deployment).toEqual({
    base: { host: "a", extraEnv: { A: "1" } },
    alias: { A: "1" },
    merged: { host: "b", extraEnv: { A: "1" } },
    several: { a: 1, b: 2 },
  });
});

test("A thousand instances may share one anchor.", () => {
  const aliases = Array(1000).fill("*shared").join(", ");

  const { deployment } = read(`config:\n  a: &shared { A: "1" }\n  ascend-pd:deployment: [${aliases}]\n`);

  expect(deployment).toHaveLength(1000);
});

test("Quotes keep a text that would be a date or a number.", () => {
  const { deployment } = read(
    `config:\n  ascend-pd:deployment: ["2026-01-31", '1_000', 2026-01-31x, 0.6.3, 10.0.0.18]\n`,
  );

  expect(deployment).toEqual(["2026-01-31", "1_000", "2026-01-31x", "0.6.3", "10.0.0.18"]);
});

test("Names of any script are read as they are.", () => {
  const { deployment } = read("config:\n  ascend-pd:deployment: { 模型: /数据/é𝄞, __proto__: 1 }\n");

  expect(Object.entries(deployment ?? {})).toEqual([
    ["模型", "/数据/é𝄞"],
    ["__proto__", 1],
  ]);
});

test("A second document is called that.", () => {
  expect(() => read("config: {}\n---\nconfig: {}\n")).toThrow(/: here a second document begins\nfix: /);
});

test("A missing file is refused with the names of those there are.", () => {
  for (const name of ["Pulumi.a.yaml", "Pulumi.b-2.yaml", "Pulumi.yaml", "old.Pulumi.z.yaml"])
    writeFileSync(join(folder(), name), "");

  const read = () => readStackFile("c", folder());

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
