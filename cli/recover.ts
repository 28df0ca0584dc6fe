import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readContainer } from "../docker/answers.ts";
import { callEngine, defaultHost, expectEngine } from "../docker/api.ts";
import { isOf } from "../planning/container/settings.ts";
import { run } from "../system/programs.ts";
import type { LocalStack } from "./stack.ts";

/** `backend` is its folder, if it is one. */
export type Interrupted = Pick<LocalStack, "name" | "args" | "env"> & {
  readonly backend: string | undefined;
};

/**
 * Clears what a killed `pulumi` left, so that the next `up` converges: the lock of a process that is gone, and
 * containers that were being created when it died, which exist without being in the state. A living process is
 * waited for. Containers that the state does not name as interrupted, or that lack our label, are never touched.
 */
export async function recoverStack(stack: Interrupted, say: (line: string) => void): Promise<void> {
  await clearLocks(stack, say);
  const { resources = [], pending_operations = [] } = await stateOf(stack);
  const interrupted = pending_operations.filter(({ type }) => type === "creating");
  if (interrupted.length === 0) return;
  for (const { resource } of interrupted) {
    if (resource.type !== "docker:index/container:Container") continue;
    const { name } = resource.inputs;
    const engine = engineOf(resource, resources) ?? stack.env.DOCKER_HOST ?? defaultHost;
    const { status, body } = await callEngine(engine, `/containers/${name}/json`);
    if (status !== 200 || !isOf(stack.name, readContainer(body).Config.Labels)) continue;
    say(`removing ${name}: its creation was interrupted`);
    await expectEngine(engine, `/containers/${name}?force=1&v=1`, { method: "DELETE" });
  }
  // Otherwise the state would name them as interrupted for ever, also after they were created.
  const flags = ["--clear-pending-creates", "--yes", "--skip-preview", "--non-interactive"];
  await run("pulumi", ["refresh", ...flags, ...stack.args], { env: stack.env });
}

async function clearLocks(stack: Interrupted, say: (line: string) => void): Promise<void> {
  if (stack.backend === undefined) return;
  const folder = join(stack.backend, ".pulumi/locks/organization/ascend-pd", stack.name);
  for (const lock of await locksIn(folder)) {
    let told = false;
    for (
      let holder = await holderOf(lock);
      holder !== undefined && (await isPulumi(holder));
      holder = await holderOf(lock)
    ) {
      if (!told) say(`waiting for pulumi (process ${holder}), which still works on ${stack.name}`);
      told = true;
      await sleep(500);
    }
  }
  if ((await locksIn(folder)).length > 0) {
    say(`clearing the lock of a pulumi that was killed while it worked on ${stack.name}`);
    await run("pulumi", ["cancel", "--yes", "--stack", stack.name], { env: stack.env });
  }
}

async function locksIn(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  return files.map((file) => join(folder, file));
}

/** The process id in a lock of this machine; undefined when the lock is gone or somebody else's. */
async function holderOf(lock: string): Promise<number | undefined> {
  const content = await readFile(lock, "utf8").catch(() => undefined);
  if (content === undefined) return undefined;
  const { pid, hostname: machine } = JSON.parse(content);
  return machine === hostname() ? pid : undefined;
}

/** Whether the process lives and is a pulumi: ids are used again, and a dead process that nobody reaped keeps its own. */
async function isPulumi(pid: number): Promise<boolean> {
  const [program = ""] = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return basename(program).includes("pulumi");
}

async function stateOf(stack: Interrupted): Promise<State> {
  const text = await run("pulumi", ["stack", "export", "--stack", stack.name], { env: stack.env });
  return JSON.parse(text).deployment ?? {};
}

/** The engine of the Docker provider that a resource was created through, if that one names any. */
function engineOf({ provider = "" }: ResourceInState, resources: readonly ResourceInState[]) {
  const urn = provider.slice(0, provider.lastIndexOf("::"));
  const { host, sshOpts } = resources.find((one) => one.urn === urn)?.inputs ?? {};
  if (host === undefined || sshOpts === undefined) return host;
  return { host, sshOptions: JSON.parse(sshOpts) as string[] };
}

interface State {
  readonly resources?: readonly ResourceInState[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: ResourceInState }[];
}

interface ResourceInState {
  readonly urn: string;
  readonly type: string;
  /** `<urn of the provider>::<id>` */
  readonly provider?: string;
  readonly inputs: { readonly name: string; readonly host?: string; readonly sshOpts?: string };
}
