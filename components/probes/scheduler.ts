import { setTimeout as sleep } from "node:timers/promises";
import { hostOf } from "../../docker/api.ts";
import { askSocket } from "../../docker/container-socket.ts";
import type { Administered } from "../../hosts/administered.ts";
import { engineOf } from "../../hosts/engine.ts";
import type { Membership } from "./arguments.ts";

export type Answer =
  | { readonly done: true; readonly body: unknown }
  | { readonly done: false; readonly code: string; readonly message: string; readonly problems?: unknown };

export interface InstanceState {
  readonly role: Membership["role"];
  readonly address: string;
  /** The scheduler's tables have it no more. */
  readonly leaving: boolean;
  readonly draining: boolean;
  readonly inFlight: number;
  readonly kvHeld: number;
}

/** What the running scheduler says of its instances; undefined where none runs. */
export async function instancesOf(scheduler: Administered): Promise<readonly InstanceState[] | undefined> {
  const answer = await askScheduler(scheduler, "/state");
  if (!answer?.done) return undefined;
  return (answer.body as { instances: readonly InstanceState[] }).instances;
}

/** What the running scheduler says of an instance; undefined where there is neither. */
export async function stateOf({ scheduler, role, address }: Membership): Promise<InstanceState | undefined> {
  const instances = await instancesOf(scheduler);
  return instances?.find((one) => one.role === role && one.address === address);
}

/**
 * Asks the scheduler from inside its container, where alone it can be asked. Gives undefined where none runs, or none
 * with an administration: when one starts, it sends requests to every healthy instance. A drain whose asker is gone is
 * taken back. Throws when this cannot be known.
 */
export async function askScheduler(
  scheduler: Administered,
  path: "/state" | "/drain" | "/join" | "/reload",
  body?: Readonly<Record<string, unknown>>,
): Promise<Answer | undefined> {
  const { host, container, socket } = scheduler;
  const engine = engineOf(host);
  const undo =
    path === "/drain" ? { path: "/join", body: { instance: body?.instance, deadline: 0 } } : undefined;
  // Whoever drains or joins waits for as long as the scheduler's own limit; others are answered at once.
  const waits = path === "/drain" || path === "/join";
  const signal = waits ? undefined : AbortSignal.timeout(10_000);
  let failure = "";
  // A busy sshd drops some of the connections that come to it at once; a scheduler may end while it is asked.
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) await sleep(1000);
    const answer = await askSocket(engine, container, { socket, path, body, undo }, signal);
    if ("absent" in answer) return undefined;
    if ("failure" in answer) failure = answer.failure;
    else if (answer.status === 200) return { done: true, body: answer.body };
    else return { done: false, ...(answer.body as { error: { code: string; message: string } }).error };
  }
  throw new Error(
    `the scheduler ${container} on ${host.name} (${hostOf(engine)}) could not be asked for ${path}: ${failure}\n` +
      "fix: mend that and run `pulumi up` again; it goes on from here. If that host is gone for good, docs/hosts.md says " +
      "what to do",
  );
}
