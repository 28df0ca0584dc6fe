import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Context } from "./context.ts";
import { foreignPath, installedCli, isOlder } from "./pulumi-cli.ts";

let folder: string;
let context: Context;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulumi-cli-"));
  context = { cacheDir: join(folder, "cache"), say: () => {} };
});

afterEach(() => rm(folder, { recursive: true }));

async function pulumiThatPrints(text: string, bin = join(folder, "bin")): Promise<void> {
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "pulumi"), `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
}

test("The Pulumi on PATH is used, and its home stays the user's.", async () => {
  await pulumiThatPrints("v3.300.1");

  const cli = await installedCli(context, { PATH: `/nowhere:${folder}/bin`, PULUMI_HOME: "/home/me/p" });

  expect(cli).toMatchObject({
    folder: `${folder}/bin`,
    home: "/home/me/p",
    ours: false,
    choice: { chosen: `3.300.1: ${folder}/bin/pulumi` },
  });
});

test("A Pulumi on PATH that is too old is passed over, and the reason is told.", async () => {
  await pulumiThatPrints("v3.100.0");

  const cli = await installedCli(context, { PATH: join(folder, "bin") });

  expect(cli).toEqual({ why: `${folder}/bin/pulumi is version 3.100.0, older than 3.259.0` });
});

test("Something on PATH that is called pulumi and is not is passed over.", async () => {
  await pulumiThatPrints("hello");

  expect(await installedCli(context, { PATH: join(folder, "bin") })).toMatchObject({
    why: expect.stringContaining("version hello"),
  });
});

test("A run inside another does not take our Pulumi for the user's.", async () => {
  const ours = join(context.cacheDir, "go", "pulumi-1");
  await pulumiThatPrints("v3.300.1", ours);
  const PATH = `/nowhere:${ours}:${folder}/bin`;

  expect(foreignPath(context, { PATH })).toBe(`/nowhere:${folder}/bin`);
  expect(await installedCli(context, { PATH })).toEqual({ why: "no pulumi is on PATH" });
});

test("Versions are ordered by their numbers, not by their letters.", () => {
  const version = fc.tuple(fc.nat(400), fc.nat(400), fc.nat(400));
  fc.assert(
    fc.property(version, version, (a, b) => {
      const difference = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      expect(isOlder(a.join("."), b.join("."))).toBe(difference < 0);
    }),
  );
});

test("A development build counts by its numbers, and what is no version as older than all.", () => {
  expect(isOlder("3.260.0-alpha.1+dev", "3.259.0")).toBe(false);
  expect(isOlder("", "0.0.1")).toBe(true);
  expect(isOlder("latest", "0.0.1")).toBe(true);
});
