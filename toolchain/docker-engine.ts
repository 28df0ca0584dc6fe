import { defaultHost, greetEngine } from "../docker/api.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { onPath, pathForRoot } from "../system/programs.ts";
import type { Choice, Context } from "./context.ts";
import { installPackages } from "./debian-packages.ts";
import { holdingEngine, type OwnEngine, ownEngine, startEngine, stopEngine } from "./own-engine.ts";
import { openState, stateDir } from "./state.ts";

export interface DockerEngine {
  readonly choice: Choice;
  /** What to add to the environment of whatever talks to the engine; empty where its own settings find it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The Docker Engine that answers: the one DOCKER_HOST names, else the machine's, else our own. Undefined: none does,
 * and one can be started. Throws a FixableError that says what to do where none can.
 */
export async function findDockerEngine(
  env: NodeJS.ProcessEnv = process.env,
): Promise<DockerEngine | undefined> {
  const own = ownEngine(stateDir(env));
  const named = env.DOCKER_HOST || undefined;
  if (named !== undefined && named !== own.host) return engineNamed(named);

  const theirs = named === undefined ? await greetEngine(defaultHost) : undefined;
  if (theirs?.answers) return machineEngine(theirs.version);
  const ours = await greetEngine(own.host);
  if (ours.answers) return engineOfOurs(own, ours.version, "it runs already");
  if (process.geteuid?.() !== 0) throw needsRoot(theirs?.denied ?? false);
  return undefined;
}

/** `findDockerEngine`, or an engine of our own that is started now, installed first if need be. */
export async function ensureDockerEngine(
  context: Context,
  env: NodeJS.ProcessEnv = process.env,
): Promise<DockerEngine> {
  const found = await findDockerEngine(env);
  if (found !== undefined) return found;

  const own = ownEngine(await openState(env));
  return holdingEngine(context, own, async () => {
    const startedMeanwhile = await findDockerEngine(env);
    if (startedMeanwhile !== undefined) return startedMeanwhile;
    const dockerd = await ensureDockerd(context, env);
    // Where it was installed just now and systemd runs, the package has started its daemon.
    const installed = await findDockerEngine(env);
    if (installed !== undefined) return installed;
    await startEngine(context, own, dockerd);
    const started = await greetEngine(own.host);
    const version = started.answers ? started.version : "";
    return engineOfOurs(own, version, `no engine answers at ${defaultHost}`);
  });
}

/** Stops the engine that `ensureDockerEngine` started; never anyone else's. */
export async function stopDockerEngine(
  context: Context,
  env: NodeJS.ProcessEnv = process.env,
): Promise<"stopped" | "not running"> {
  const own = ownEngine(await openState(env));
  return holdingEngine(context, own, () => stopEngine(context, own));
}

async function engineNamed(host: string): Promise<DockerEngine> {
  const greeting = await greetEngine(host);
  if (!greeting.answers) {
    throw new FixableError(
      `DOCKER_HOST is ${host}, but no Docker Engine answers there: ${greeting.reason}`,
      "start that engine, or unset DOCKER_HOST",
    );
  }
  const choice = {
    part: "Docker Engine",
    chosen: `${greeting.version} at ${host}`,
    why: "DOCKER_HOST names it",
  };
  return { choice, env: {} };
}

function engineOfOurs({ host }: OwnEngine, version: string, why: string): DockerEngine {
  const chosen = `${version}, ours, at ${host}`;
  return { choice: { part: "Docker Engine", chosen, why }, env: { DOCKER_HOST: host } };
}

function machineEngine(version: string): DockerEngine {
  const chosen = `${version} at ${defaultHost}`;
  return { choice: { part: "Docker Engine", chosen, why: "it answers there" }, env: {} };
}

function needsRoot(denied: boolean): FixableError {
  if (denied) {
    return new FixableError(
      `This user may not use the Docker Engine at ${defaultHost}`,
      "sudo usermod -aG docker $USER, then log in again",
    );
  }
  return new FixableError(
    `No Docker Engine answers at ${defaultHost}, and only root can start one`,
    "install Docker Engine (on Debian and Ubuntu: sudo apt-get install docker.io) or start it (sudo systemctl start " +
      "docker), or run this as root, or name an engine in DOCKER_HOST",
  );
}

/** The path of `dockerd`, installed if need be. */
export async function ensureDockerd(context: Context, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const path = { PATH: pathForRoot(env) };
  const present = await onPath("dockerd", path);
  if (present !== undefined) return present;
  const fix = "install Docker Engine for this distribution, or name an engine in DOCKER_HOST";
  context.say("installing the package docker.io, because this machine has no dockerd");
  await installPackages(context, ["docker.io"], fix);
  const installed = await onPath("dockerd", path);
  if (installed === undefined) throw new FixableError("The package docker.io brought no dockerd", fix);
  return installed;
}
