import { chmod, chown, lchown, mkdir, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixableError } from "../problems/fixable-error.ts";
import { tryRun } from "../system/programs.ts";
import { cached } from "./cache.ts";
import { makeOwnFolder, requireOwnFolder } from "./own-folder.ts";

let base: string;
let folder: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "own-folder-"));
  folder = join(base, "folder");
});

afterEach(() => rm(base, { recursive: true }));

test("A new one is for this user alone.", async () => {
  await makeOwnFolder(join(folder, "below"), "ASCEND_PD_CACHE");

  for (const made of [folder, join(folder, "below")]) expect((await stat(made)).mode & 0o777).toBe(0o700);
});

test.each([0o700, 0o755])("One of this user's own with mode %o is taken.", async (mode) => {
  await mkdir(folder);
  await chmod(folder, mode);

  await expect(requireOwnFolder(folder, "ASCEND_PD_CACHE")).resolves.toBeUndefined();
});

test.each([0o775, 0o757, 0o1777])(
  "One with mode %o is refused, for others can write into it.",
  async (mode) => {
    await mkdir(folder);
    await chmod(folder, mode);

    const refused = requireOwnFolder(folder, "ASCEND_PD_CACHE");

    await expect(refused).rejects.toBeInstanceOf(FixableError);
    await expect(refused).rejects.toMatchObject({
      message: `${folder} can be written by other users (mode ${mode.toString(8)})`,
      fix: `chmod 700 ${folder}, if nobody else has put anything there; or set ASCEND_PD_CACHE to a folder of your own`,
    });
  },
);

test("A link of this user's own may lead to a folder of this user's own.", async () => {
  await mkdir(join(base, "disk"));
  await symlink(join(base, "disk"), folder);

  await expect(makeOwnFolder(folder, "ASCEND_PD_STATE")).resolves.toBeUndefined();
});

test("The cache is refused before anything is taken from it.", async () => {
  await mkdir(join(folder, "part-1"), { recursive: true });
  await chmod(folder, 0o777);

  const taken = cached({ cacheDir: folder, say: () => {} }, "part-1", async () => {});

  await expect(taken).rejects.toThrow("can be written by other users");
});

test("The state folder is refused before its records are read.", async () => {
  await mkdir(folder);
  await chmod(folder, 0o777);
  const env = { ...process.env, ASCEND_PD_STATE: folder, ASCEND_PD_CACHE: join(base, "cache") };

  const { code, stderr } = await tryRun(
    process.execPath,
    [join(import.meta.dirname, "main.ts"), "exec", "true"],
    { env },
  );

  expect(stderr).toBe(
    `error: ${folder} can be written by other users (mode 777)\n` +
      `  fix: chmod 700 ${folder}, if nobody else has put anything there; or set ASCEND_PD_STATE to a folder of your own\n`,
  );
  expect(code).toBe(1);
});

describe.skipIf(process.geteuid?.() !== 0)("as root", () => {
  test("A folder of another user is refused.", async () => {
    await mkdir(folder);
    await chown(folder, 65534, 65534);

    await expect(makeOwnFolder(folder, "ASCEND_PD_STATE")).rejects.toMatchObject({
      message: `${folder} belongs to the user with id 65534, and this runs as the one with id 0`,
      fix: "run this as that user, without sudo; or set ASCEND_PD_STATE to a folder of your own",
    });
  });

  test("A link of another user is refused, wherever it leads.", async () => {
    await mkdir(join(base, "disk"));
    await symlink(join(base, "disk"), folder);
    await lchown(folder, 65534, 65534);

    await expect(makeOwnFolder(folder, "ASCEND_PD_STATE")).rejects.toThrow(
      "belongs to the user with id 65534",
    );
  });
});
