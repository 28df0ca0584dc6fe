import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run, tryRun } from "../../system/programs.ts";
import { ownFiles } from "./contents.ts";
import { write } from "./pack.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pack-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), path);
  await chmod(join(folder, path), mode);
}

test("Of a project neither hidden files, wherever they are, nor what is made anew goes into an archive.", async () => {
  const project = ["Pulumi.yaml", "index.ts", "stacks/Pulumi.prod.yaml", "site-b.tar.gz"];
  const others = [".env", "stacks/.env", ".git/config", "dist/a", "node_modules/a/index.js", "ascend-pd"];
  for (const path of [...project, ...others, "out/bundle.tar.gz"]) await put(path);

  expect(await ownFiles(folder, "out/bundle.tar.gz")).toEqual(project.sort());
});

test("Files lie below the name of their tree, with the rights of their owner; nobody else may write, or read a key.", async () => {
  await put("a,b & c/tls.key", 0o600);
  await put("a,b & c/start", 0o777);
  await put("a,b & c/within/page", 0o664);
  await symlink("within/page", join(folder, "a,b & c/link"));
  const archive = join(folder, "archive.tar.gz");
  const trees = [
    { from: join(folder, "a,b & c"), to: "project/", paths: ["tls.key", "start", "link"] },
    { from: join(folder, "a,b & c/within"), to: "cache/", paths: ["page"] },
  ];

  await write(archive, trees, join(folder, "list"), () => {});

  const listed = await run("tar", ["-tvzf", archive]);
  expect(
    listed
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/ .* (?=(project|cache)\/)/, " ")),
  ).toEqual([
    "-rw------- project/tls.key",
    "-rwxr-xr-x project/start",
    "lrwxr-xr-x project/link -> within/page",
    "-rw-r--r-- cache/page",
  ]);
});

test("An archive that can be written nowhere is none, and that is said before anything is obtained.", async () => {
  const { code, stderr } = await tryRun("cli/ascend-pd.mjs", ["bundle", "--output=/nowhere/bundle.tar.gz"]);

  expect(stderr).toBe("error: there is no folder /nowhere\nfix: make it, or write the archive elsewhere\n");
  expect(code).toBe(1);
});
