import { chmod, lstat, mkdir, mkdtemp, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openCache } from "./cache.ts";
import type { Context } from "./context.ts";
import { ensurePulumi } from "./pulumi.ts";
import type { Cli } from "./pulumi-cli.ts";
import { ensurePlugin, type Plugin } from "./pulumi-plugins.ts";
import { pinnedVersion, repositoryDir } from "./repository.ts";

// Nothing here may depend on whether this machine reaches Pulumi's downloads: nobody listens on port 1.
vi.stubEnv("HTTPS_PROXY", "http://127.0.0.1:1");
vi.stubEnv("NO_PROXY", "");

let folder: string;
let context: Context;
/** A user with a Pulumi of their own, which has both plugins. */
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulumi-"));
  context = { cacheDir: join(folder, "cache"), say: () => {} };
  env = {
    PATH: `${folder}/bin:/usr/bin`,
    PULUMI_HOME: join(folder, "home"),
    ASCEND_PD_STATE: join(folder, "state"),
  };
  await program(join(folder, "bin", "pulumi"), "echo v3.300.0");
  for (const name of ["docker", "command"]) {
    const version = await pinnedVersion(`@pulumi/${name}`);
    await program(join(folder, "home", "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`));
  }
  await openCache(context);
});

afterEach(() => rm(folder, { recursive: true }));

async function program(path: string, body = ""): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

test("Who has Pulumi and its plugins gets these, and nothing is put before them on PATH but our Node.", async () => {
  const { env: added, choices } = await ensurePulumi(context, env);

  expect(added.PATH).toBe(`${repositoryDir}/node_modules/.bin:${folder}/bin:/usr/bin`);
  expect(added).not.toHaveProperty("PULUMI_HOME");
  expect(choices.map(({ part, why }) => `${part}: ${why}`)).toEqual([
    "Pulumi CLI: it is on PATH",
    "Pulumi plugin docker: it is installed",
    "Pulumi plugin command: it is installed",
    "Pulumi backend: no backend is set and nobody is logged in",
  ]);
});

test("What Node makes of our programs is kept in the cache, unless it is kept elsewhere already.", async () => {
  const [ours, theirs] = [
    await ensurePulumi(context, env),
    await ensurePulumi(context, { ...env, NODE_COMPILE_CACHE: "/a" }),
  ];

  expect(ours.env.NODE_COMPILE_CACHE).toBe(`${folder}/cache/compiled`);
  expect(theirs.env.NODE_COMPILE_CACHE).toBe("/a");
});

test("Who has no backend gets a local one outside the cache.", async () => {
  const { env: added } = await ensurePulumi(context, env);

  expect(added.PULUMI_BACKEND_URL).toBe(`file://${folder}/state/pulumi?metadata=skip`);
  expect(added.PULUMI_CONFIG_PASSPHRASE).toBe("");
});

test.each([
  ["a backend", { PULUMI_BACKEND_URL: "s3://bucket" }],
  ["an access token", { PULUMI_ACCESS_TOKEN: "pul-1" }],
])("Who has set %s keeps it, and is asked for the passphrase as ever.", async (_, own) => {
  const { env: added } = await ensurePulumi(context, { ...env, ...own });

  expect(added).not.toHaveProperty("PULUMI_BACKEND_URL");
  expect(added).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
});

test("Who is logged in somewhere stays so.", async () => {
  await writeFile(join(folder, "home", "credentials.json"), '{"current": "https://pulumi.example"}');

  const { env: added } = await ensurePulumi(context, env);

  expect(added).not.toHaveProperty("PULUMI_BACKEND_URL");
});

test("A passphrase of the user's is not replaced.", async () => {
  const { env: added } = await ensurePulumi(context, { ...env, PULUMI_CONFIG_PASSPHRASE_FILE: "/secret" });

  expect(added).toHaveProperty("PULUMI_BACKEND_URL");
  expect(added).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
});

/** A plugin that cannot be downloaded; its stand-in has been made `made` times. */
function fakePlugin(): { plugin: Plugin; made: () => number; executable: string } {
  let times = 0;
  const executable = join(folder, "stand-in");
  const standIn = async () => {
    times++;
    return { executable, how: "made" };
  };
  return { plugin: { name: "fake", version: "1.0.0", standIn }, made: () => times, executable };
}

function cli(ours: boolean): Cli {
  const choice = { part: "Pulumi CLI", chosen: "", why: "" };
  return { choice, folder: join(folder, "bin"), home: join(folder, "home"), ours };
}

test("A stand-in is linked into the plugin folder of our own Pulumi.", async () => {
  const { plugin, executable } = fakePlugin();

  const { choice, path } = await ensurePlugin(context, cli(true), plugin, env);

  const link = join(folder, "home/plugins/resource-fake-v1.0.0/pulumi-resource-fake");
  expect(await readlink(link)).toBe(executable);
  expect(path).toBeUndefined();
  expect(choice.why).toBe("it is not installed, and Pulumi's downloads could not be reached");
});

test("A stand-in for the user's own Pulumi goes on PATH, and their home is left alone.", async () => {
  const { plugin, executable } = fakePlugin();

  const { path } = await ensurePlugin(context, cli(false), plugin, env);

  expect(await readlink(join(path ?? "", "pulumi-resource-fake"))).toBe(executable);
  await expect(lstat(join(folder, "home/plugins/resource-fake-v1.0.0"))).rejects.toThrow("ENOENT");
});

test.each(["an older one, which is still there", "one that is gone"])(
  "A link to %s gives way.",
  async (target) => {
    const { plugin, executable } = fakePlugin();
    const link = join(folder, "home/plugins/resource-fake-v1.0.0/pulumi-resource-fake");
    if (target.startsWith("an older")) await program(join(folder, "older"));
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(folder, "older"), link);

    await ensurePlugin(context, cli(true), plugin, env);

    expect(await readlink(link)).toBe(executable);
  },
);

test("A plugin that the user has is never replaced by a stand-in.", async () => {
  const { plugin, made } = fakePlugin();
  await program(join(folder, "bin", "pulumi-resource-fake"));

  const { choice } = await ensurePlugin(context, cli(false), plugin, env);

  expect(choice).toMatchObject({ chosen: `1.0.0: ${folder}/bin/pulumi-resource-fake`, why: "it is on PATH" });
  expect(made()).toBe(0);
});

test("A published plugin in our own Pulumi's folder is used as it is.", async () => {
  const { plugin, made } = fakePlugin();
  await program(join(folder, "home/plugins/resource-fake-v1.0.0/pulumi-resource-fake"));

  const { choice } = await ensurePlugin(context, cli(true), plugin, env);

  expect(choice.why).toBe("it is installed");
  expect(made()).toBe(0);
});
