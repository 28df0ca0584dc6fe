import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunResult, run, tryRun } from "../../system/programs.ts";

// A small archive of the form that `ascend-pd bundle` writes.
let folder: string;
let archive: string;
let content: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "install-"));
  content = join(folder, "content");
  archive = join(folder, "bundle.tar.gz");
  await put("install.sh", await readFile("toolchain/offline/install.sh", "utf8"));
  await put("platform", await run("uname", ["-sm"]));
  await put("program", "");
  await put("project/ascend-pd", "#!/bin/sh\necho started\n");
  await put("project/a file with spaces", "x");
  await symlink("ascend-pd", join(content, "project/link"));
  await put("cache/go/pulumi-1/pulumi", "a program");
  await put("plugins/resource-docker-v1/pulumi-resource-docker", "a plugin");
  await seal();
});

afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(content, path, ".."), { recursive: true });
  await writeFile(join(content, path), text);
}

async function seal(): Promise<void> {
  const sums = "find . -type f ! -name SHA256SUMS -printf '%P\\0' | xargs -0 sha256sum > SHA256SUMS";
  await run("sh", ["-c", sums], { cwd: content });
  await pack();
}

const pack = () => run("sh", ["-c", 'tar -czf "$0" *', archive], { cwd: content });

function install(site: string, env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  return tryRun("sh", ["-c", 'tar -xOzf "$0" install.sh | sh -s "$@"', archive, archive, site], {
    cwd: folder,
    env: { ...process.env, ASCEND_PD_CACHE: join(folder, "cache"), ...env },
  });
}

/** All that an installation could have left. */
const left = async () =>
  (await readdir(folder)).filter((name) => name !== "content" && name !== "bundle.tar.gz");

test("The project goes into its folder, tools into the cache, plugins where this folder's program looks for them.", async () => {
  const { code, stdout } = await install("site");

  expect([code, stdout]).toEqual([0, `${folder}/site\n`]);
  expect(await run(join("sh"), [join(folder, "site/link")])).toBe("started\n");
  expect(await readFile(join(folder, "cache/go/pulumi-1/pulumi"), "utf8")).toBe("a program");
  const homes = await readdir(join(folder, "cache/pulumi-home"));
  expect(homes).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/)]);
  expect(await left()).toEqual(["cache", "site"]);
});

test("A part of the cache that is there already stays.", async () => {
  await mkdir(join(folder, "cache/go/pulumi-1"), { recursive: true });
  await writeFile(join(folder, "cache/go/pulumi-1/pulumi"), "the one in use");

  expect((await install("site")).code).toBe(0);

  expect(await readFile(join(folder, "cache/go/pulumi-1/pulumi"), "utf8")).toBe("the one in use");
});

test("Plugins of another version come to those that an earlier project in the same folder has left.", async () => {
  expect((await install("site")).code).toBe(0);
  await rm(join(folder, "site"), { recursive: true });
  await put("plugins/resource-docker-v2/pulumi-resource-docker", "a newer plugin");
  await seal();

  expect((await install("site")).code).toBe(0);

  const [home = ""] = await readdir(join(folder, "cache/pulumi-home"));
  expect((await readdir(join(folder, "cache/pulumi-home", home, "plugins"))).sort()).toEqual([
    "resource-docker-v1",
    "resource-docker-v2",
  ]);
});

test("Where a part cannot be put into the cache, that is said, and there is no project without its tools.", async () => {
  await mkdir(join(folder, "cache"));
  await writeFile(join(folder, "cache/go"), "a file in the way");

  const { code, stderr } = await install("site");

  expect(stderr).toMatch(/^error: .*cache\/go\/pulumi-1 cannot be written: .*\nfix: make room, or /m);
  expect(code).toBe(1);
  expect(await left()).toEqual(["cache"]);
});

test("A cache that is named from here is one here.", async () => {
  const { code } = await install("site", { ASCEND_PD_CACHE: "other/cache" });

  expect(code).toBe(0);
  expect((await readdir(join(folder, "other/cache"))).sort()).toEqual(["CACHEDIR.TAG", "go", "pulumi-home"]);
});

test("Of an archive that is cut short nothing is installed.", async () => {
  await put("project/noise", Array.from({ length: 20_000 }, () => Math.random()).join());
  await seal();
  await cp(archive, join(folder, "whole"));
  await truncate(archive, 100_000);

  const { code, stderr } = await install("site");

  expect(stderr).toMatch(/^error: .*bundle\.tar\.gz is cut short or damaged: .*\nfix: copy it again/m);
  expect(code).toBe(1);
  expect(await left()).toEqual(["whole"]);
});

test("Of an archive with one byte changed nothing is installed, and the file is named.", async () => {
  await put("cache/go/pulumi-1/pulumi", "b program");
  await pack();

  const { code, stderr } = await install("site");

  expect(stderr).toContain("bundle.tar.gz is cut short or damaged: cache/go/pulumi-1/pulumi: FAILED\nfix: ");
  expect(code).toBe(1);
  expect(await left()).toEqual([]);
});

test("Of an archive that lacks a file nothing is installed.", async () => {
  await rm(join(content, "project/ascend-pd"));
  await pack();

  expect((await install("site")).code).toBe(1);
  expect(await left()).toEqual([]);
});

test("Of an archive with a file that nobody has summed nothing is installed.", async () => {
  await put("project/index.ts", "not of the project");
  await pack();

  const { code, stderr } = await install("site");

  expect(stderr).toContain("bundle.tar.gz is cut short or damaged: it has files without a checksum\nfix: ");
  expect(code).toBe(1);
  expect(await left()).toEqual([]);
});

test("An archive for other machines is refused.", async () => {
  await put("platform", "Linux riscv64");
  await seal();

  expect((await install("site")).stderr).toMatch(/^error: .* is for Linux riscv64, and this is Linux /m);
  expect(await left()).toEqual([]);
});

test("A folder that is there is left alone.", async () => {
  await mkdir(join(folder, "site"));

  const { code, stderr } = await install("site");

  expect(stderr).toBe("error: site is there already\nfix: give another folder, or move that one away\n");
  expect(code).toBe(1);
  expect(await readdir(join(folder, "site"))).toEqual([]);
});

test("Interrupted, it leaves nothing.", async () => {
  // Its tar is one that never ends.
  await mkdir(join(folder, "bin"));
  await writeFile(join(folder, "bin/tar"), '#!/bin/sh\necho "$PPID"\nexec sleep 600 > /dev/null\n', {
    mode: 0o755,
  });
  const script = join(content, "install.sh");
  const env = {
    ...process.env,
    PATH: `${folder}/bin:${process.env.PATH}`,
    ASCEND_PD_CACHE: join(folder, "cache"),
  };

  const { code } = await tryRun("timeout", ["--signal=INT", "2", "sh", script, archive, "site"], {
    cwd: folder,
    env,
  });

  expect(code).not.toBe(0);
  expect(await left()).toEqual(["bin"]);
});

test("`ascend-pd bundle install` says the same.", async () => {
  await put("cache/go/pulumi-1/pulumi", "b program");
  await pack();

  const { code, stderr } = await tryRun("cli/ascend-pd.mjs", [
    "bundle",
    "install",
    archive,
    join(folder, "site"),
  ]);

  expect(stderr).toMatch(/^error: .* damaged: cache\/go\/pulumi-1\/pulumi: FAILED\nfix: copy it again/m);
  expect(code).toBe(1);
});
