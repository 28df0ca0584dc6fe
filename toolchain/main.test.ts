import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RunResult, tryRun } from "../system/programs.ts";
import { pinnedVersion } from "./repository.ts";

vi.setConfig({ testTimeout: 300_000 });

let folder: string;

/** A user whose Pulumi prints what it is called with, so that nothing has to be obtained. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "toolchain-main-"));
  await program(
    "bin/pulumi",
    'if [ "$1" = version ]; then echo v3.300.0; else echo "$PULUMI_BACKEND_URL" "$@"; exit 9; fi',
  );
  for (const name of ["docker", "command"]) {
    const version = await pinnedVersion(`@pulumi/${name}`);
    await program(`home/plugins/resource-${name}-v${version}/pulumi-resource-${name}`, "");
  }
});

afterEach(() => rm(folder, { recursive: true }));

async function program(path: string, body: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), `#!/bin/sh\n${body}\n`);
  await chmod(join(folder, path), 0o755);
}

function toolchain(...args: string[]): Promise<RunResult> {
  return toolchainIn({}, ...args);
}

function toolchainIn(more: NodeJS.ProcessEnv, ...args: string[]): Promise<RunResult> {
  const env = {
    ...more,
    PATH: `${folder}/bin:/usr/bin:/bin`,
    HOME: folder,
    PULUMI_HOME: join(folder, "home"),
    ASCEND_PD_CACHE: join(folder, "cache"),
    ASCEND_PD_STATE: join(folder, "state"),
  };
  return tryRun(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { cwd: folder, env });
}

test("Exec hands the program its arguments and the environment, and passes its exit code on.", async () => {
  const result = await toolchain("exec", "pulumi", "preview", "--help", "--stack", "a b");

  expect(result).toEqual({
    code: 9,
    stdout: `file://${folder}/state/pulumi?metadata=skip preview --help --stack a b\n`,
    stderr: "",
  });
});

test("Where there can be no Docker Engine, that is said before Pulumi is obtained.", async () => {
  await rm(join(folder, "bin"), { recursive: true });

  const { code, stderr } = await toolchainIn(
    { DOCKER_HOST: "unix:///nowhere" },
    "--engine",
    "exec",
    "pulumi",
    "up",
  );

  expect(stderr).toBe(
    `error: DOCKER_HOST is unix:///nowhere, but no Docker Engine answers there: connect ENOENT /nowhere\n` +
      "  fix: start that engine, or unset DOCKER_HOST\n",
  );
  expect(code).toBe(1);
});

test("Exec of a program that is missing ends with 127.", async () => {
  const { code, stderr } = await toolchain("exec", "no-such-program");

  expect(code).toBe(127);
  expect(stderr).toContain("there is no no-such-program");
});

test("Exec uses the engine and the image that an earlier run has obtained, unless told not to.", async () => {
  const part = { env: { ASCEND_PD_NODE_IMAGE: "obtained", STRAY: "stray" }, choices: [] };
  await mkdir(join(folder, "state"));
  await writeFile(join(folder, "state", "engine.json"), JSON.stringify({ userHost: "", part }));
  const show = ["exec", "sh", "-c", "echo image: $ASCEND_PD_NODE_IMAGE $STRAY"];

  expect((await toolchain(...show)).stdout).toBe("image: obtained\n");
  expect((await toolchain("--no-engine", ...show)).stdout).toBe("image:\n");
});

test("Exec does not use what was obtained for another Docker Engine, or for one that is gone.", async () => {
  const { env, choices } = { env: { ASCEND_PD_NODE_IMAGE: "obtained" }, choices: [] };
  const show = ["exec", "sh", "-c", "echo image: $ASCEND_PD_NODE_IMAGE"];
  const record = (value: object) => writeFile(join(folder, "state", "engine.json"), JSON.stringify(value));
  await mkdir(join(folder, "state"));

  await record({ userHost: "tcp://elsewhere", part: { env, choices } });
  const elsewhere = await toolchain(...show);
  await record({ userHost: "", part: { env: { ...env, DOCKER_HOST: `unix://${folder}/gone` }, choices } });
  const gone = await toolchain(...show);

  expect([elsewhere.stdout, gone.stdout]).toEqual(["image:\n", "image:\n"]);
});

test("Ensure tells what is used, and with --explain why.", async () => {
  const brief = await toolchain("--no-engine");
  const explained = await toolchain("--no-engine", "--explain", "ensure");

  expect(brief.stdout).toContain(`Pulumi CLI              3.300.0: ${folder}/bin/pulumi\n`);
  expect(brief.stdout).not.toContain("because");
  expect(explained.stdout).toContain("because it is on PATH");
});

test("Ensure --json can be read by programs.", async () => {
  const { stdout } = await toolchain("--json", "--no-engine", "ensure");

  expect(JSON.parse(stdout)).toMatchObject({
    env: { PULUMI_BACKEND_URL: `file://${folder}/state/pulumi?metadata=skip` },
    choices: expect.arrayContaining([expect.objectContaining({ part: "Pulumi CLI" })]),
  });
});

test("Where names the folders and makes none.", async () => {
  const { stdout } = await toolchain("--json", "where");

  expect(JSON.parse(stdout)).toEqual({ cache: join(folder, "cache"), state: join(folder, "state") });
  expect(await readdir(folder)).not.toContain("cache");
});

test("Clean deletes the cache and keeps the state.", async () => {
  await toolchain("--no-engine", "ensure");

  const { code, stdout } = await toolchain("clean");

  expect(code).toBe(0);
  expect(stdout).toContain(`deleted ${folder}/cache`);
  expect((await readdir(folder)).sort()).toEqual(["bin", "home", "state"]);
});

test("Clean refuses a folder that holds something else.", async () => {
  await mkdir(join(folder, "cache"));
  await writeFile(join(folder, "cache", "letter"), "");

  const { code, stderr } = await toolchain("clean");

  expect(code).toBe(1);
  expect(stderr).toMatch(/was not made by this toolchain[\s\S]*fix: /);
  expect(await readdir(join(folder, "cache"))).toEqual(["letter"]);
});

test.each([
  [["--frobnicate"], "--frobnicate is no option"],
  [["frobnicate"], "frobnicate is no command"],
  [["exec"], "exec needs a program"],
  [["clean", "all"], "clean takes no all"],
])("%j is a mistake that is named, with exit code 2.", async (args, message) => {
  const { code, stderr } = await toolchain(...args);

  expect(code).toBe(2);
  expect(stderr).toContain(`error: ${message}\n`);
});

test("What stands on the command line is no command to a terminal when it is repeated.", async () => {
  const { code, stderr } = await toolchain("exec", "\u001b[2J\u009b31m\u202e");

  expect(code).toBe(127);
  expect(stderr).toContain("error: there is no \\u001b[2J\\u009b31m\\u202e\n");
});

test("--help is wanted output.", async () => {
  const { code, stdout } = await toolchain("--help");

  expect(code).toBe(0);
  expect(stdout).toContain("examples:");
});
