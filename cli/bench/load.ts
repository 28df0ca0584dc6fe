import { setTimeout as sleep } from "node:timers/promises";
import { randomOf } from "./random.ts";

/** How requests come: `concurrency` of them at any time, or `rate` a second whether or not those before are over. */
export type Load = { readonly concurrency: number } | { readonly rate: number };

/** When no more begin: after so many, or so many milliseconds. */
export type Extent = { readonly requests: number } | { readonly durationMs: number };

/** Of an open loop that the server does not keep up with; what comes beyond is not sent. */
export const MOST_AT_ONCE = 8192;

/** Does `one` under a load, with 0, 1, …; resolves when all are over. `refuse` has those that are too many at once. */
export async function underLoad(
  load: Load,
  extent: Extent,
  seed: number,
  signal: AbortSignal,
  one: (index: number) => Promise<void>,
  refuse: () => void,
): Promise<void> {
  const end = "durationMs" in extent ? performance.now() + extent.durationMs : Number.POSITIVE_INFINITY;
  const most = "requests" in extent ? extent.requests : Number.POSITIVE_INFINITY;
  let begun = 0;
  const isOver = () => signal.aborted || begun >= most || performance.now() >= end;
  if ("concurrency" in load) {
    const client = async () => {
      while (!isOver()) await one(begun++);
    };
    await Promise.all(Array.from({ length: load.concurrency }, client));
    return;
  }
  const running = new Set<Promise<void>>();
  const arrivals = poisson(load.rate, seed);
  const started = performance.now();
  for (let due = arrivals(); started + due < end && begun < most && !signal.aborted; due = arrivals()) {
    const wait = started + due - performance.now();
    if (wait > 1) await sleep(wait, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const index = begun++;
    if (running.size >= MOST_AT_ONCE) {
      refuse();
      continue;
    }
    const request = one(index);
    running.add(request);
    void request.then(() => running.delete(request));
  }
  await Promise.all(running);
}

/** The moments, in milliseconds, of a Poisson process: independent arrivals, `rate` a second on average. */
export function poisson(rate: number, seed: number): () => number {
  const random = randomOf(seed, -1);
  let at = 0;
  return () => {
    at += (-Math.log(1 - random()) / rate) * 1000;
    return at;
  };
}
