import { hostOf } from "../../docker/api.ts";
import { type Administered, addressesOf, administered } from "../../hosts/administered.ts";
import { askInContainer } from "../../hosts/administration.ts";
import { engineOf, greet } from "../../hosts/engine.ts";
import { shortName } from "../../planning/short-name.ts";
import { unreachable as hostUnreachable } from "../../planning/unreachable.ts";
import { dockerStack } from "../planned-stack.ts";
import { UserError } from "../user-error.ts";
import { type Told, told, unreachable } from "./admin.ts";

/** The scheduler of a stack, as its stack file has it. */
export interface StackScheduler extends Administered {
  readonly stack: string;
  /** Of the instances, by their containers' names: what the scheduler always knows them by. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Throws UserError where it is the manual's own. */
export function stackScheduler(stack: string): StackScheduler {
  const { where, plan } = dockerStack(stack);
  const scheduler = administered(plan);
  if (scheduler === undefined) {
    throw new UserError(
      `${where}: the manual's own scheduler (runtime: ascendcloud) cannot be administered\n` +
        "fix: see what its instances do on their own /metrics, or set scheduler.runtime: ascend-pd",
    );
  }
  return { ...scheduler, stack, addresses: addressesOf(plan) };
}

/** What it knows an instance by that is named as its container, or as in the stack file. Others it knows, or says who is meant. */
export function knownAs(
  { stack, addresses }: Pick<StackScheduler, "stack" | "addresses">,
  name: string,
): string {
  return addresses.get(name) ?? addresses.get(`${stack}-${name}`) ?? shortName(name, stack);
}

/** Asks it as `pulumi up` does; but a drain whose asker is gone goes on, as it does on a port. */
export async function askStackScheduler(
  scheduler: StackScheduler,
  path: string,
  body?: object,
): Promise<Told> {
  const { stack, host, container } = scheduler;
  const greeting = await greet(host);
  if (!greeting.answers) {
    const at = hostOf(engineOf(host));
    const { seen, fix } = hostUnreachable(host, "no Docker Engine answers", at, greeting.reason);
    return unreachable(`${host.name}: ${seen}`, fix);
  }
  return told(
    await askInContainer(scheduler, path, body),
    `in ${container} on ${host.name}`,
    `\`ascend-pd drift ${stack}\` says what is not as planned there, and what mends it`,
  );
}
