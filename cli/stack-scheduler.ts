import type { HostPlan, Plan } from "../planning/plan.ts";
import { sshOptions } from "../planning/ssh-options.ts";
import { unreachable } from "../planning/unreachable.ts";
import { askSocket } from "../toolchain/container-socket.ts";
import { engineAt, greetEngine, hostOf } from "../toolchain/docker-api.ts";
import { type AdminAnswer, answerOf, noAnswer, noScheduler } from "./scheduler-admin.ts";

/** The scheduler of a stack, as its stack file has it. */
export interface StackScheduler {
  readonly stack: string;
  readonly host: HostPlan;
  readonly container: string;
  /** Its administration's, inside the container. */
  readonly socket: string;
}

/** Undefined where it has no administration: it is the manual's own. */
export function stackScheduler({ stack, hosts, containers, adminSocket }: Plan): StackScheduler | undefined {
  const container = containers.find(({ role }) => role === "scheduler");
  const host = hosts.find(({ name }) => name === container?.host);
  if (container === undefined || host === undefined || adminSocket === undefined) return undefined;
  return { stack, host, container: container.name, socket: adminSocket };
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
