import {
  type CallOptions,
  callEngine,
  type EngineAddress,
  engineAt,
  type Greeting,
  greetEngine,
  hostOf,
  messageOf,
} from "../docker/api.ts";
import type { HostPlan } from "../planning/plan.ts";
import { sshOptions } from "../planning/ssh-options.ts";
import { again, isDropped } from "./again.ts";

/** The engine of a host, reached as the Docker provider reaches it. */
export function engineOf(host: HostPlan): EngineAddress {
  return engineAt(host.docker, sshOptions(host));
}

/** Whether it answers within seconds. */
export function greet(host: HostPlan): Promise<Greeting> {
  const engine = engineOf(host);
  return again(
    () => greetEngine(engine),
    (greeting) => !greeting.answers && isDropped(greeting.reason),
  );
}

type Options = Pick<CallOptions, "encoding" | "longest">;

/** In characters. A thousand containers in a list, or instances in a rank table, have a few million. */
const ofMany: Options = { longest: 16 * 1024 * 1024 };
/** No program starts with more in its arguments and variables, each of which may be compared. */
export const ofOne: Options = { longest: 2 * 1024 * 1024 };

/** What the engine of a host answers to a GET, as `read` reads it; an Error's cause is the status, 0 where none came. */
export async function ask<T>(
  host: HostPlan,
  path: string,
  read: (body: string) => T,
  options: Options = {},
): Promise<T> {
  const engine = engineOf(host);
  const isRemote = hostOf(engine).startsWith("ssh://");
  const call = () =>
    callEngine(engine, path, { ...ofMany, ...options, signal: AbortSignal.timeout(10_000) }).catch(
      ({ message }: Error) => ({ status: 0, body: message }),
    );
  const { status, body } = await again(call, (answer) => isRemote && answer.status === 0);
  try {
    if (status === 200) return read(body);
    throw new Error(messageOf(body).slice(0, 400));
  } catch (error) {
    const at = `the Docker Engine of ${host.name} (${hostOf(engine)})`;
    throw new Error(`${at} failed GET ${path}: ${(error as Error).message}`, { cause: status });
  }
}

/** The same, and undefined where the engine has no such thing. */
export function askIfThere<T>(
  host: HostPlan,
  path: string,
  read: (body: string) => T,
  options?: Options,
): Promise<T | undefined> {
  return ask(host, path, read, options).catch((error: Error) => {
    if (error.cause !== 404) throw error;
    return undefined;
  });
}
