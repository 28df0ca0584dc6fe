import { engineAt, greetEngine, hostOf } from "../../docker/api.ts";
import { askSocket } from "../../docker/container-socket.ts";
import { type Administered, addressesOf, administered } from "../../hosts/administered.ts";
import { sshOptions } from "../../planning/ssh-options.ts";
import { unreachable } from "../../planning/unreachable.ts";
import { plannedStack } from "../planned-stack.ts";
import { UserError } from "../user-error.ts";
import { type AdminAnswer, answerOf, noAnswer, noScheduler } from "./admin.ts";

/** The scheduler of a stack, as its stack file has it. */
export interface StackScheduler extends Administered {
  readonly stack: string;
  /** Of the instances, by their containers' names: after a change the scheduler may have other names for them. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Throws UserError where it is the manual's own. */
export function stackScheduler(stack: string): StackScheduler {
  const { where, plan } = plannedStack(stack);
  const scheduler = administered(plan);
  if (scheduler === undefined) {
    throw new UserError(
      `${where}: the manual's own scheduler (runtime: ascendcloud) cannot be administered\n` +
        "fix: see what its instances do on their own /metrics, or set scheduler.runtime: ascend-pd",
    );
  }
  return { ...scheduler, stack, addresses: addressesOf(plan) };
}

/**
 * Asks it from inside its container, through the Docker Engine of its host, as `pulumi up` does; but a drain whose asker
 * is gone goes on, as it does on a port.
 */
export async function askStackScheduler(
  { stack, host, container, socket }: StackScheduler,
  path: string,
  body?: object,
): Promise<AdminAnswer> {
  const engine = engineAt(host.docker, sshOptions(host));
  // Whoever drains or joins waits until the deadline; others are answered at once.
  const waits = path === "/drain" || path === "/join";
  const signal = waits ? undefined : AbortSignal.timeout(10_000);
  const answer = await askSocket(engine, container, { socket, path, body }, signal);
  if ("status" in answer) return answerOf(answer);
  const greeting = await greetEngine(engine);
  if (!greeting.answers) {
    const { seen, fix } = unreachable(host, "no Docker Engine answers", hostOf(engine), greeting.reason);
    return noAnswer(`${host.name}: ${seen}`, fix);
  }
  return noScheduler(
    `in ${container} on ${host.name}`,
    "absent" in answer ? answer.absent : answer.failure,
    `\`ascend-pd drift ${stack}\` says what is not as planned there, and what mends it`,
  );
}
