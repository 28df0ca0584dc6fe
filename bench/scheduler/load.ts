import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Times } from "./client.ts";
import type { Engines } from "./engines.ts";
import type { PromptName } from "./prompts.ts";
import {
  type Ask,
  type Chunks,
  clientRequest,
  DONE,
  decodeAnswer,
  decodeRequest,
  event,
  newAsk,
  prefillAnswer,
  prefillRequest,
} from "./wire.ts";

export interface Wish {
  /** Bytes of the request's body. */
  readonly size?: number;
  readonly prompt?: PromptName;
  /** Events of a streamed answer; a plain one without them. */
  readonly events?: number;
  readonly everyMs?: number;
  readonly chunks?: Chunks;
  /** Called when the first byte of the answer's body comes. */
  readonly onFirst?: (client: Client) => void;
}

/** Clients of one router, or of the engines themselves, and what went wrong for them. */
export class Load {
  readonly failures: string[] = [];
  readonly clients = new Set<Client>();
  readonly #legs: 1 | 2;
  readonly #port: number;
  readonly #prefillPort: number | undefined;
  readonly #idle = new Map<number, Client[]>();

  /** With `prefillPort` the clients do a router's work: they ask prefill, then what listens on `port`. */
  constructor(legs: 1 | 2, port: number, prefillPort?: number) {
    this.#legs = legs;
    this.#port = port;
    this.#prefillPort = prefillPort;
  }

  /** The same exchanges without a router. */
  static direct(legs: 1 | 2, { prefill, decode }: Engines): Load {
    return new Load(legs, decode[0] ?? 0, legs === 2 ? prefill[0] : undefined);
  }

  /** Asks once; `undefined` when the answer was wrong. */
  async ask({
    size = 256,
    prompt = "plain",
    events = 0,
    everyMs = 0,
    chunks = "0.32",
    onFirst,
  }: Wish = {}): Promise<Times | undefined> {
    const ask = newAsk(this.#legs, events, everyMs, chunks);
    if (this.#prefillPort === undefined) {
      return this.#exchange(this.#port, clientRequest(ask, size, prompt), decodeAnswers(ask), onFirst);
    }
    const prefill = await this.#exchange(this.#prefillPort, prefillRequest(ask), (n) =>
      n === 0 ? prefillAnswer(ask.id) : undefined,
    );
    if (prefill === undefined) return undefined;
    const decode = await this.#exchange(this.#port, decodeRequest(ask), decodeAnswers(ask), onFirst);
    return decode && { ...decode, sent: prefill.sent };
  }

  /** All clients go, whatever they still wait for. */
  leave(): void {
    for (const client of this.clients) client.leave();
    this.clients.clear();
    this.#idle.clear();
  }

  async #exchange(
    port: number,
    request: Buffer,
    expected: (n: number) => string | undefined,
    onFirst?: (client: Client) => void,
  ): Promise<Times | undefined> {
    const idle = this.#idle.get(port) ?? [];
    this.#idle.set(port, idle);
    let client = idle.pop();
    while (client?.isIdle === false) client = idle.pop();
    const one = client ?? new Client(port);
    this.clients.add(one);
    const result = await one.ask(request, expected, onFirst && (() => onFirst(one)));
    if (result instanceof Error) {
      this.failures.push(result.message);
      this.clients.delete(one);
      return undefined;
    }
    idle.push(one);
    return result;
  }
}

function decodeAnswers({ id, events, chunks }: Ask): (n: number) => string | undefined {
  if (events === 0) return (n) => (n === 0 ? decodeAnswer(id) : undefined);
  return (n) => (n < events ? event(id, n, chunks) : n === events ? DONE : undefined);
}

/** Starts `count` of `one` at a steady rate, whether or not those before are over. */
export async function atRate(count: number, perSecond: number, one: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  const running: Promise<unknown>[] = [];
  while (running.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - started) * perSecond) / 1000));
    while (running.length < due) running.push(one());
    await sleep(1);
  }
  await Promise.all(running);
}

/** Does `count` of `one`, `atOnce` at any time, each `pauseMs` behind the one before. */
export async function inTurn(
  count: number,
  atOnce: number,
  one: () => Promise<unknown>,
  pauseMs = 0,
): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        await one();
        if (pauseMs > 0) await sleep(pauseMs);
      }
    }),
  );
}
