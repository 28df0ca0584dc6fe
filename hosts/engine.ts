import {
  callEngine,
  type EngineAddress,
  type EngineAnswer,
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

interface AskOptions {
  readonly encoding?: "utf8" | "latin1";
  /** Characters of an answer; more are an error. */
  readonly longest?: number;
}

/** What the engine of a host answers to a GET, as `read` reads it. */
export async function ask<T>(
  host: HostPlan,
  path: string,
  read: (body: string) => T,
  options?: AskOptions,
): Promise<T> {
  return readAnswer(host, path, read, await answerOf(host, path, options));
}

/** The same, and undefined where the engine has no such thing. */
export async function askIfThere<T>(
  host: HostPlan,
  path: string,
  read: (body: string) => T,
  options?: AskOptions,
): Promise<T | undefined> {
  const answer = await answerOf(host, path, options);
  return answer.status === 404 ? undefined : readAnswer(host, path, read, answer);
}

/** A thousand containers in a list, or instances in a rank table, have a few million. */
const enough = 16 * 1024 * 1024;

/** Status 0 is none, and why. */
function answerOf(
  host: HostPlan,
  path: string,
  { encoding = "utf8", longest = enough }: AskOptions = {},
): Promise<EngineAnswer> {
  const engine = engineOf(host);
  const isRemote = hostOf(engine).startsWith("ssh://");
  const ask = () =>
    callEngine(engine, path, { encoding, longest, signal: AbortSignal.timeout(10_000) }).catch(
      ({ message }: Error) => ({ status: 0, body: message }),
    );
  return again(ask, ({ status }) => status === 0 && isRemote);
}

function readAnswer<T>(
  host: HostPlan,
  path: string,
  read: (body: string) => T,
  { status, body }: EngineAnswer,
): T {
  const failed = (why: string) =>
    new Error(`the Docker Engine of ${host.name} (${hostOf(engineOf(host))}) failed GET ${path}: ${why}`);
  if (status !== 200) throw failed(status === 0 ? body : messageOf(body).slice(0, 400));
  try {
    return read(body);
  } catch (error) {
    throw failed((error as Error).message);
  }
}
