import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { callEngine, greetEngine } from "../docker/api.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { holding } from "../system/holding.ts";
import { mountsBelow } from "../system/mounts.ts";
import { processesUsing, signal } from "../system/processes.ts";
import { rootEnv, tryRun } from "../system/programs.ts";
import type { Context } from "./context.ts";

/** A Docker Engine of our own: one per state folder, apart from any other on the machine. */
export interface OwnEngine {
  /** What DOCKER_HOST must be to reach it. */
  readonly host: string;
  /** Images and containers. Survives the engine and the machine's restart. */
  readonly dataRoot: string;
  /** Sockets and process ids. Short, because a socket's path must be under 108 bytes. */
  readonly runDir: string;
  readonly log: string;
  /** File of the network namespace that it and its containers live in; absent: this machine's network. */
  readonly namespace?: string;
  /** File of the mount namespace whose files it and its containers see; absent: those of this machine. */
  readonly mounts?: string;
}

/** Where what works on `state` has its sockets: only root can make it, and its path is short wherever `state` is. */
export function runDirOf(state: string): string {
  return `/run/ascend-pd/${createHash("sha256").update(state).digest("hex").slice(0, 12)}`;
}

export function ownEngine(state: string): OwnEngine {
  const runDir = runDirOf(state);
  const folder = join(state, "docker");
  return {
    host: `unix://${runDir}/docker.sock`,
    dataRoot: join(folder, "data"),
    runDir,
    log: join(folder, "dockerd.log"),
  };
}

/** No two runs start, stop or remove the same engine at once. */
export function holdingEngine<T>(context: Context, engine: OwnEngine, body: () => Promise<T>): Promise<T> {
  return holding(join(dirname(engine.dataRoot), "locks"), "the Docker Engine", body, context.say);
}

/**
 * Starts `dockerd` and returns when it answers; if a former run has started it already, only waits. It outlives this
 * process. Containers that outlived a killed engine are taken over as they are. Call it in `holdingEngine`.
 */
export async function startEngine(context: Context, engine: OwnEngine, dockerd: string): Promise<void> {
  for (const folder of [engine.dataRoot, engine.runDir]) {
    await mkdir(folder, { recursive: true }).catch(({ message }: Error) => {
      throw new FixableError(
        `The Docker Engine cannot have ${folder}: ${message}`,
        "set ASCEND_PD_STATE to a folder that can be written",
      );
    });
  }
  if ((await processesUsing(engine.runDir, /^dockerd$/)).length === 0) {
    await requireNamespaces();
    context.say(`starting a Docker Engine; its images and containers are in ${engine.dataRoot}`);
    await forgetDeadProcesses(engine);
    await configure(engine, { liveRestore: true });
    await rename(engine.log, `${engine.log}.previous`).catch(() => {});
    await spawnDetached(engine, dockerd);
  }
  await untilItAnswers(context, engine);
  const info = await callEngine(engine.host, "/info");
  if (JSON.parse(info.body).Driver === "vfs") {
    context.say(
      `warning: ${engine.dataRoot} is on a file system without overlay support: every container copies its whole image`,
    );
  }
}

/**
 * Stops the engine in order: containers get their stop signal and time, and those with a restart policy come back
 * with the next start. What a crash has left behind (containers without engine, mounts) is cleared too.
 */
export async function stopEngine(context: Context, engine: OwnEngine): Promise<"stopped" | "not running"> {
  const [dockerd] = await processesUsing(engine.runDir, /^dockerd$/);
  if (dockerd !== undefined && (await willStopContainers(engine, dockerd))) {
    signal(dockerd, "SIGTERM");
    await until(
      async () => (await processesUsing(engine.runDir, /^dockerd$/)).length === 0,
      180_000,
      () => context.say("waiting for containers to stop"),
    );
  }
  const orphans = await clearLeftovers(engine);
  return dockerd !== undefined || orphans ? "stopped" : "not running";
}

/** Stops the engine and deletes its images, containers and volumes. */
export async function removeEngine(context: Context, engine: OwnEngine): Promise<void> {
  await stopEngine(context, engine);
  const mounts = await mountsBelow([engine.dataRoot, engine.runDir]);
  if (mounts.length > 0) {
    // Deleting through a mount would delete what is mounted, e.g. a model folder.
    throw new FixableError(
      `Docker's data in ${engine.dataRoot} was not deleted, because these are still mounted: ${mounts.join(", ")}`,
      `umount ${mounts.join(" ")}, then try again`,
    );
  }
  await rm(engine.runDir, { recursive: true, force: true });
  await rm(dirname(engine.dataRoot), { recursive: true, force: true });
}

function configFile(engine: OwnEngine): string {
  return join(engine.runDir, "daemon.json");
}

async function configure(engine: OwnEngine, { liveRestore }: { liveRestore: boolean }): Promise<void> {
  const config = {
    hosts: [engine.host],
    "data-root": engine.dataRoot,
    "exec-root": join(engine.runDir, "exec"),
    pidfile: join(engine.runDir, "docker.pid"),
    // Our containers use the host's network; leave its firewall and routing alone.
    bridge: "none",
    iptables: false,
    ip6tables: false,
    "ip-forward": false,
    "live-restore": liveRestore,
  };
  await writeFile(configFile(engine), JSON.stringify(config, null, 2));
}

/** `live-restore` lets containers outlive the engine; for an ordered stop it must be off. False: the engine hangs. */
async function willStopContainers(engine: OwnEngine, dockerd: number): Promise<boolean> {
  await configure(engine, { liveRestore: false });
  signal(dockerd, "SIGHUP");
  return until(async () => {
    const info = await callEngine(engine.host, "/info", { signal: AbortSignal.timeout(5000) }).catch(
      () => undefined,
    );
    return info !== undefined && JSON.parse(info.body).LiveRestoreEnabled === false;
  }, 10_000);
}

/** A process id in a file may be another process by now, and dockerd would wait for it, or kill it. */
async function forgetDeadProcesses(engine: OwnEngine): Promise<void> {
  await rm(join(engine.runDir, "docker.pid"), { force: true });
  if ((await processesUsing(engine.runDir, /^containerd$/)).length === 0) {
    await rm(join(engine.runDir, "exec/containerd/containerd.pid"), { force: true });
  }
}

async function spawnDetached(engine: OwnEngine, dockerd: string): Promise<void> {
  const namespaces = Object.entries({ net: engine.namespace, mount: engine.mounts });
  const given = namespaces.flatMap(([kind, file]) => (file === undefined ? [] : [`--${kind}=${file}`]));
  const enter = given.length === 0 ? [] : ["nsenter", ...given];
  const [program = "", ...args] = [...enter, dockerd, "--config-file", configFile(engine)];
  const log = await open(engine.log, "w");
  try {
    const child = spawn(program, args, {
      // From the start it is known by this name, though `nsenter` becomes dockerd only a moment later.
      argv0: dockerd,
      cwd: "/",
      detached: true,
      env: rootEnv(),
      stdio: ["ignore", log.fd, log.fd],
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
  } finally {
    await log.close();
  }
}

async function untilItAnswers(context: Context, engine: OwnEngine): Promise<void> {
  let answers = false;
  await until(
    async () => {
      answers = (await greetEngine(engine.host)).answers;
      return answers || (await processesUsing(engine.runDir, /^dockerd$/)).length === 0;
    },
    120_000,
    () => context.say("waiting for the Docker Engine to answer"),
  );
  if (answers) return;
  const log = await readFile(engine.log, "utf8");
  const end = log.trim().split("\n").slice(-8).join("\n  ");
  throw new FixableError(`dockerd did not start. The end of ${engine.log}:\n  ${end}`, needsMachine);
}

const needsMachine =
  "a Docker Engine needs a machine where root may mount file systems and make namespaces: a virtual machine, or a " +
  "privileged container. Or start one elsewhere and name it in DOCKER_HOST";

/** Without this right dockerd starts and answers, but cannot even unpack an image. */
async function requireNamespaces(): Promise<void> {
  const { code, stderr } = await tryRun("unshare", ["--mount", "true"], { env: rootEnv() });
  if (code !== 0) throw new FixableError(`No Docker Engine can work here: ${stderr.trim()}`, needsMachine);
}

const everyProgram = /^(dockerd|containerd(-shim.*)?)$/;

/** Returns whether containers were among them. */
async function clearLeftovers(engine: OwnEngine): Promise<boolean> {
  const runcState = join(engine.runDir, "exec/runtime-runc/moby");
  const containers = await readdir(runcState).catch(() => []);
  for (const id of containers) {
    await tryRun("runc", ["--root", runcState, "delete", "--force", id], { env: rootEnv() });
  }
  for (const pid of await processesUsing(engine.runDir, everyProgram)) signal(pid, "SIGKILL");
  await until(async () => (await processesUsing(engine.runDir, everyProgram)).length === 0, 10_000);
  for (const mount of await mountsBelow([engine.dataRoot, engine.runDir]))
    await tryRun("umount", [mount], { env: rootEnv() });
  return containers.length > 0;
}

/** Whether `condition` came true within `limit` milliseconds; `onWait` is told every five seconds. */
async function until(
  condition: () => Promise<boolean>,
  limit: number,
  onWait: () => void = () => {},
): Promise<boolean> {
  const start = performance.now();
  let nextWord = 5000;
  while (!(await condition())) {
    const waited = performance.now() - start;
    if (waited > limit) return false;
    if (waited > nextWord) {
      onWait();
      nextWord += 5000;
    }
    await sleep(50);
  }
  return true;
}
