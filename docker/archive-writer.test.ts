import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../system/programs.ts";
import { archiveOf } from "./archive-writer.ts";

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
