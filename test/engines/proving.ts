import { setTimeout as sleep } from "node:timers/promises";
import { type Counts, counts } from "./engine-metrics.ts";
import { BLOCK_TOKENS, MODEL, type Place, type Running } from "./rig.ts";

export interface Proof {
  readonly figures: Readonly<Record<string, number>>;
  /** What should not be so. */
  readonly wrong: readonly string[];
}

/** What both instances say. */
export type State = Readonly<Record<"prefill" | "decode", Counts>>;

export interface Rig {
  readonly place: Place;
  readonly scheduler: Running;
  prefill: Running;
  decode: Running;
}

/** Of whole blocks: what is fetched is known to the byte. */
export const PROMPT_TOKENS = 8 * BLOCK_TOKENS;
export const ANSWER_TOKENS = 8;

const FREE_LIMIT_MS = 45_000;

export async function measured({ prefill, decode }: Rig): Promise<State> {
  const [ofPrefill, ofDecode] = await Promise.all([counts(prefill.url), counts(decode.url)]);
  return { prefill: ofPrefill, decode: ofDecode };
}

export async function ask(rig: Rig, fields: object): Promise<number> {
  const answer = await send(rig, fields, AbortSignal.timeout(120_000));
  await answer.text();
  return answer.status;
}

export function send({ scheduler }: Rig, fields: object, signal: AbortSignal): Promise<Response> {
  return fetch(`${scheduler.url}/v1/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: MODEL, temperature: 0, ...fields }),
    signal,
  });
}

/** The time at which something is so; NaN when it takes too long. */
export async function when(isSo: () => Promise<boolean>, limitMs = FREE_LIMIT_MS): Promise<number> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (await isSo()) return performance.now();
    await sleep(20);
  }
  return Number.NaN;
}

export function unequal(
  figures: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(expected)
    .filter(([name, value]) => figures[name] !== value)
    .map(([name, value]) => `${name} is ${figures[name]}, not ${value}`);
}
