import { hostOf } from "../../docker/api.ts";
import type { Administered } from "../../hosts/administered.ts";
import {
  type AdminAnswer,
  askInContainer,
  type InstanceState,
  type SchedulerState,
} from "../../hosts/administration.ts";
import { engineOf } from "../../hosts/engine.ts";
import type { Membership } from "./arguments.ts";

/** What the running scheduler says of its instances; undefined where none runs. */
export async function instancesOf(scheduler: Administered): Promise<readonly InstanceState[] | undefined> {
  const answer = await askScheduler(scheduler, "/state");
  return answer?.done ? (answer.body as SchedulerState).instances : undefined;
}

/** What the running scheduler says of an instance; undefined where there is neither. */
export async function stateOf({ scheduler, role, address }: Membership): Promise<InstanceState | undefined> {
  const instances = await instancesOf(scheduler);
  return instances?.find((one) => one.role === role && one.address === address);
}

/**
 * Asks the scheduler. Gives undefined where none runs, or none with an administration: when one starts, it sends requests
 * to every healthy instance. A drain whose asker is gone is taken back. Throws when this cannot be known.
 */
export async function askScheduler(
  scheduler: Administered,
  path: "/state" | "/drain" | "/join" | "/reload",
  body?: Readonly<Record<string, unknown>>,
): Promise<Extract<AdminAnswer, { done: boolean }> | undefined> {
  const undo =
    path === "/drain" ? { path: "/join", body: { instance: body?.instance, deadline: 0 } } : undefined;
  const answer = await askInContainer(scheduler, path, body, undo);
  if ("absent" in answer) return undefined;
  if ("done" in answer) return answer;
  const { host, container } = scheduler;
  throw new Error(
    `the scheduler ${container} on ${host.name} (${hostOf(engineOf(host))}) could not be asked for ${path}: ${answer.failure}\n` +
      "fix: mend that and run `pulumi up` again; it goes on from here. If that host is gone for good, docs/hosts.md says " +
      "what to do",
  );
}
