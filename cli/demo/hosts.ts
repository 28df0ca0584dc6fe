import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { greetEngine } from "../../docker/api.ts";
import type { Context } from "../../toolchain/context.ts";
import {
  environmentOf,
  type LocalHost,
  type LocalHosts,
  removeHosts,
  requireHosts,
  startHosts,
} from "../../toolchain/local-hosts/hosts.ts";
import { stateDir } from "../../toolchain/state.ts";

interface Deployment {
  readonly hosts?: Readonly<Record<string, { readonly docker?: unknown }>>;
}

/** Names of the hosts of a stack that stand behind SSH. */
export function sshHosts(deployment: unknown): string[] {
  const hosts = Object.entries((deployment as Deployment).hosts ?? {});
  return hosts.filter(([, { docker }]) => String(docker).startsWith("ssh://")).map(([name]) => name);
}

/** The deployment with hosts on this machine in place of those that it names behind SSH. */
export function onLocalHosts(deployment: unknown, { hosts }: LocalHosts): unknown {
  const places = sshHosts(deployment).map((name, index) => {
    const { address, docker, hostKey } = hosts[index] ?? {};
    return [name, { address, docker, hostKey }];
  });
  const declared = deployment as Deployment;
  return { ...declared, hosts: { ...declared.hosts, ...Object.fromEntries(places) } };
}

/** The hosts that a former run has made for a stack, if all of them still work; a restart of the machine ends them. */
export async function runningHosts(stack: string): Promise<LocalHosts | undefined> {
  const text = await readFile(recordOf(stack), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const hosts: readonly LocalHost[] = JSON.parse(text);
  const greetings = await Promise.all(hosts.map(({ engine }) => greetEngine(engine.host)));
  return greetings.every(({ answers }) => answers)
    ? { hosts, env: environmentOf(folderOf(stack)) }
    : undefined;
}

/** Makes hosts for a stack, in place of what may be left of former ones. */
export async function freshHosts(context: Context, stack: string, count: number): Promise<LocalHosts> {
  await requireHosts(context);
  await removeDemoHosts(context, stack);
  context.say(`making ${count} hosts on this machine, each with a network address, Docker and sshd`);
  const hosts = await startHosts(context, folderOf(stack), count);
  await writeFile(recordOf(stack), JSON.stringify(hosts.hosts));
  return hosts;
}

export function removeDemoHosts(context: Context, stack: string): Promise<void> {
  return removeHosts(context, folderOf(stack));
}

function folderOf(stack: string): string {
  return join(stateDir(), "hosts", stack);
}

function recordOf(stack: string): string {
  return join(folderOf(stack), "hosts.json");
}
