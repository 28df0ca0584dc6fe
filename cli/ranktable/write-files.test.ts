import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { writeFiles } from "./write-files.ts";

const folder = inTemporaryFolder();
const files = [
  { path: "a.json", content: "new a" },
  { path: "b.json", content: "new b" },
];

test("Files and their folder are made, for anyone to read, whatever the umask; nothing else is left.", () => {
  const target = join(folder(), "new", "tables");
  const umask = process.umask(0o077);

  writeFiles(target, files);

  process.umask(umask);
  expect(readdirSync(target).sort()).toEqual(["a.json", "b.json"]);
  expect(readFileSync(join(target, "b.json"), "utf8")).toBe("new b");
  expect(statSync(join(target, "a.json")).mode & 0o777).toBe(0o644);
  expect(statSync(target).mode & 0o777).toBe(0o755);
});

test("What is there is replaced; a link is replaced itself, not what it leads to.", () => {
  writeFileSync(join(folder(), "a.json"), "old a");
  writeFileSync(join(folder(), "precious"), "precious");
  symlinkSync("precious", join(folder(), "b.json"));

  writeFiles(folder(), files);

  expect(readFileSync(join(folder(), "a.json"), "utf8")).toBe("new a");
  expect(readFileSync(join(folder(), "b.json"), "utf8")).toBe("new b");
  expect(readFileSync(join(folder(), "precious"), "utf8")).toBe("precious");
});

test("When one file cannot be written, none is, and nothing is left behind.", () => {
  writeFileSync(join(folder(), "a.json"), "old a");
  const tooLong = { path: `${"x".repeat(300)}.json`, content: "" };

  expect(() => writeFiles(folder(), [...files, tooLong])).toThrow(/^nothing was written to .*ENAMETOOLONG/);
  expect(readdirSync(folder())).toEqual(["a.json"]);
  expect(readFileSync(join(folder(), "a.json"), "utf8")).toBe("old a");
});

test("A folder that Docker made in a file's place is named with the way out, and nothing is written.", () => {
  mkdirSync(join(folder(), "b.json"));

  expect(() => writeFiles(folder(), files)).toThrow(/b\.json is a folder; .*\nfix: .*`rmdir b\.json`/);
  expect(readdirSync(folder())).toEqual(["b.json"]);
});

test.each(["/proc/tables", "/dev/null/tables", "/dev/null"])(
  "Into %s nothing is written, and it ends.",
  (path) => {
    expect(() => writeFiles(path, files)).toThrow(/^nothing was written to .*\nfix: choose a folder/);
  },
);

test("Ctrl-C is as it was once all is written.", () => {
  const before = process.listenerCount("SIGINT");

  writeFiles(folder(), files);

  expect(process.listenerCount("SIGINT")).toBe(before);
});
