import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { archivedFile } from "./archive-reader.ts";

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
