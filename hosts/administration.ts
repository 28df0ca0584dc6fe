import { askSocket, followSocket, type SocketAnswer } from "../docker/container-socket.ts";
import type { Administered } from "./administered.ts";
import { again } from "./again.ts";
import { engineOf } from "./engine.ts";

/** What a scheduler's administration answers; `absent` and `failure` are why none has. */
export type AdminAnswer =
  | { readonly done: true; readonly body: unknown }
  | { readonly done: false; readonly problem: AdminProblem }
  | { readonly absent: string }
  | { readonly failure: string };

/** Why something was not done. */
export interface AdminProblem {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly problems?: readonly { readonly message: string; readonly fix: string }[];
}

/** What it answers to `/state`. */
export interface SchedulerState {
  readonly ready: boolean;
  readonly draining: boolean;
  readonly requests: number;
  readonly instances: readonly InstanceState[];
}

export interface InstanceState {
  readonly name: string;
  readonly role: "prefill" | "decode";
  readonly address: string;
  readonly healthy: boolean;
  readonly stalled: boolean;
  /** It has failed too many requests. */
  readonly broken?: boolean;
  /** No instance of the other role is known to hand KV cache over as it should be. */
  readonly unproven?: boolean;
  /** Names of those of the other role that it fails canaries with. */
  readonly quarantined?: readonly string[];
  readonly draining: boolean;
  /** The scheduler's tables have it no more. */
  readonly leaving: boolean;
  readonly inFlight: number;
  readonly kvHeld: number;
  readonly served: number;
  readonly failures: number;
  /** Of decode: the part of its prompt tokens that prefill has computed, from 0 to 1; null where it is not known. */
  readonly transferShare?: number | null;
  readonly computesPrompts?: boolean;
}

/**
 * Asks a scheduler from inside its container, where alone it can be asked: a POST where there is a body. `undo` is asked
 * in its place when the asker is gone before the answer.
 */
export async function askInContainer(
  { host, container, socket }: Administered,
  path: string,
  body?: object,
  undo?: { readonly path: string; readonly body: object },
): Promise<AdminAnswer> {
  // Whoever drains or joins waits for as long as the scheduler's own limit; others are answered at once, which on a host
  // with far too much to do takes a command in the container more than 10 s.
  const waits = path === "/drain" || path === "/join";
  const signal = waits ? undefined : AbortSignal.timeout(30_000);
  const ask = () => askSocket(engineOf(host), container, { socket, path, body, undo }, signal);
  // Its host's sshd may drop a connection, and it may end while it is asked: the next time there is none.
  return answerOf(await again(ask, (answer) => "failure" in answer));
}

/** A server's answer as one of a scheduler's administration. */
export function answerOf(answer: SocketAnswer): AdminAnswer {
  if (!("status" in answer)) return answer;
  if (answer.status === 200) return { done: true, body: answer.body };
  const { error } = (answer.body ?? {}) as { error?: Partial<AdminProblem> };
  return { done: false, problem: error?.fix === undefined ? noAdministration : (error as AdminProblem) };
}

export const giveAddress = "give the --admin-socket or --admin-port that the scheduler was started with";

/** Other servers have errors too, the scheduler's port for clients among them. */
const noAdministration: AdminProblem = {
  code: "unreachable",
  message: "what answers there is no scheduler's administration",
  fix: giveAddress,
};

/**
 * Hands on what a scheduler's administration tells line by line, asked from inside its container, until `signal`. Never
 * rejects: gives why it has ended.
 */
export async function followInContainer(
  { host, container, socket }: Administered,
  path: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const ended = await followSocket(engineOf(host), container, { socket, path }, onLine, signal);
  if ("absent" in ended) return ended.absent;
  if ("failure" in ended) return ended.failure;
  return ended.status === 200 ? "it has ended" : `it answers with status ${ended.status}`;
}
