import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { run } from "../system/programs.ts";
import { archivedFile, archiveOf } from "./archive.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ascend-pd-tar-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An archive by the real `tar`. */
function archive(name: string, format: "pax" | "ustar" = "pax"): string {
  const owner = ["--owner=1000", "--group=0", "--mode=0640"];
  return execFileSync("tar", ["-cf", "-", `--format=${format}`, ...owner, "-C", folder, name]).toString();
}

test.each(["pax", "ustar"] as const)("A file of a %s archive is read with mode and owner.", (format) => {
  const content = "é { } 表\n".repeat(200);
  writeFileSync(join(folder, "table.json"), content);

  expect(archivedFile(archive("table.json", format))).toEqual({ content, mode: 0o640, owner: 1000 });
});

test("A name that needs a header of its own is no obstacle.", () => {
  const name = `local_ranktable_${"x".repeat(150)}.json`;
  writeFileSync(join(folder, name), "{}");

  expect(archivedFile(archive(name))?.content).toBe("{}");
});

test("A folder and a link are no file.", () => {
  mkdirSync(join(folder, "folder"));
  symlinkSync("table.json", join(folder, "link"));

  expect([archivedFile(archive("folder")), archivedFile(archive("link"))]).toEqual([undefined, undefined]);
});

test("What is cut off or no archive at all is no file.", () => {
  const whole = archive("table.json");

  for (const part of ["", "x".repeat(2000), whole.slice(0, 700)]) expect(archivedFile(part)).toBeUndefined();
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (text) => void archivedFile(text)));
});

const long = `etc/ascend-pd/local_ranktable_${"long-".repeat(30)}scheduler.json`;

test.each([
  ["a short text", "/etc/ascend-pd/node_ports", "8088,8089"],
  ["no text", "/etc/empty", ""],
  ["a text of a whole block", "/block", "x".repeat(512)],
  ["a name of more than 100 bytes", `/${long}`, "{}"],
  ["other letters than ASCII", "/tëxt", "é 漢 🙂\n"],
])("GNU tar finds %s, as root's and with its mode.", async (_, path, content) => {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-tar-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const archive = archiveOf([{ path, content }], "0644");

  await run("tar", ["-xpf", "-", "-C", folder], { input: archive.toString("utf8") });

  expect(await readFile(join(folder, path), "utf8")).toBe(content);
  expect((await stat(join(folder, path))).mode & 0o7777).toBe(0o644);
  const listed = await run("tar", ["-tv", "--numeric-owner", "-f", "-"], { input: archive.toString("utf8") });
  expect(listed).toMatch(/^-rw-r--r-- 0\/0 /);
});
