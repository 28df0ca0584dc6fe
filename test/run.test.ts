import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultHost, expectEngine } from "../docker/api.ts";
import { endProcessesNaming } from "../system/processes.ts";

const engine = process.env.DOCKER_HOST || defaultHost;
let root: string;

/**
 * A project whose one test leaves a process behind in every way, and a container where it has an engine, and then ends or
 * waits. Neither it nor what it leaves heeds a signal.
 */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ascend-pd-left-"));
  await writeFile(
    join(root, "vitest.config.mjs"),
    'export default { test: { name: "unit", globals: true, testTimeout: 600000 } };',
  );
  await writeFile(
    join(root, "leaves.test.mjs"),
    `import { spawn } from "node:child_process";
    import { renameSync, writeFileSync } from "node:fs";
    import { tmpdir } from "node:os";
    import { defaultHost, expectEngine } from ${JSON.stringify(resolve("docker/api.ts"))};
    const deaf = 'for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => {}); setInterval(() => {}, 1000)';
    const leave = (args, env) => {
      const left = spawn(process.execPath, ["-e", deaf, ...args], { env, detached: true, stdio: "ignore" });
      left.unref();
      return left.pid;
    };
    const leaveContainer = async (Image) => {
      const ask = (path, json = {}) => expectEngine(process.env.DOCKER_HOST || defaultHost, path, { method: "POST", json });
      const Labels = { "ascend-pd.test-run": tmpdir() };
      const HostConfig = { NetworkMode: "host" };
      const { Id } = JSON.parse(await ask("/containers/create", { Image, Cmd: ["node", "-e", deaf], Labels, HostConfig }));
      await ask("/containers/" + Id + "/start");
    };
    test("leaves processes", async () => {
      const pids = [leave([import.meta.dirname], process.env), leave([import.meta.dirname, tmpdir() + "/x"], {})];
      if (process.env.ASCEND_PD_NODE_IMAGE) await leaveContainer(process.env.ASCEND_PD_NODE_IMAGE);
      writeFileSync(import.meta.dirname + "/left.partial", JSON.stringify({ folder: tmpdir(), pids }));
      renameSync(import.meta.dirname + "/left.partial", import.meta.dirname + "/left");
      for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => {});
      if (process.env.WAITS) await new Promise(() => {});
    });`,
  );
});

afterEach(async () => {
  await endProcessesNaming(root);
  await rm(root, { recursive: true });
});

function start({ waits, script = "test", env = process.env }: Run): ChildProcess {
  return spawn("npm", ["run", script, "--", "--root", root], {
    env: { ...env, WAITS: waits ? "1" : "" },
    detached: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

interface Run {
  readonly waits: boolean;
  readonly script?: "test" | "test:unit";
  readonly env?: NodeJS.ProcessEnv;
}

interface Left {
  readonly folder: string;
  readonly pids: readonly number[];
}

async function left(): Promise<Left> {
  await expect.poll(() => existsSync(join(root, "left")), { timeout: 120_000 }).toBe(true);
  return JSON.parse(readFileSync(join(root, "left"), "utf8"));
}

/** A dead process that nobody has asked for has no command line any more. */
function alive({ pids }: Left): number[] {
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
    } catch {
      return false;
    }
  });
}

/** Those that the run's tests have started, dead ones too. */
async function containers({ folder }: Left): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`ascend-pd.test-run=${folder}`] }));
  return JSON.parse(await expectEngine(engine, `/containers/json?all=1&filters=${filters}`)).length;
}

test("A run that ends leaves no process, container or file behind.", async () => {
  const run = start({ waits: false });
  const found = await left();

  const [code] = await once(run, "exit");

  expect([alive(found), await containers(found)]).toEqual([[], 0]);
  expect(existsSync(found.folder)).toBe(false);
  expect(code).toBe(0);
});

test.each(["SIGTERM", "SIGINT"] as const)("A run that %s ends leaves none behind either.", async (signal) => {
  const run = start({ waits: true });
  const found = await left();
  const before = [alive(found), await containers(found)];

  run.kill(signal);
  const [code, by] = await once(run, "exit");

  await expect.poll(() => existsSync(found.folder), { timeout: 60_000 }).toBe(false);
  expect(before).toEqual([found.pids, 1]);
  expect([alive(found), await containers(found)]).toEqual([[], 0]);
  expect([code, by]).not.toEqual([0, null]);
});

test("What a killed run has left the next one ends.", async () => {
  const killed = start({ waits: true });
  const found = await left();
  process.kill(-(killed.pid ?? 0), "SIGKILL");
  await once(killed, "exit");
  const before = [alive(found), await containers(found)];
  await rm(join(root, "left"));

  const [code] = await once(start({ waits: false }), "exit");

  expect(before).toEqual([found.pids, 1]);
  expect([alive(found), await containers(found)]).toEqual([[], 0]);
  expect(existsSync(found.folder)).toBe(false);
  expect(code).toBe(0);
});

test("Unit tests run with nothing but Node, obtain nothing and leave nothing behind.", async () => {
  const { DOCKER_HOST, ASCEND_PD_NODE_IMAGE, ...inherited } = process.env;
  const PATH = `${resolve("node_modules/.bin")}:/usr/local/bin:/usr/bin:/bin`;
  const env = { ...inherited, PATH, ASCEND_PD_CACHE: join(root, "cache") };

  const run = start({ waits: false, script: "test:unit", env });
  const found = await left();
  const [code] = await once(run, "exit");

  expect(alive(found)).toEqual([]);
  expect([existsSync(found.folder), existsSync(join(root, "cache"))]).toEqual([false, false]);
  expect(code).toBe(0);
});
