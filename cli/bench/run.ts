import { performance } from "node:perf_hooks";
import type { Client } from "./client.ts";
import { type Extent, type Load, MOST_AT_ONCE, underLoad } from "./load.ts";
import type { Questions } from "./questions.ts";
import type { Slo } from "./slo.ts";
import { type Result, Tally } from "./tally.ts";

/** What all runs of a command have in common. */
export interface Bench {
  readonly client: Client;
  readonly questions: Questions;
  readonly seed: number;
  readonly slo: Slo | undefined;
  /** Ends it early: what is on its way is left. */
  readonly signal: AbortSignal;
  /** The place of the next question: none is asked twice. */
  next: number;
}

export interface Run {
  readonly load: Load;
  readonly result: Result;
  readonly times: Tally["times"];
}

/** Asks under a load and measures; `tokens` as for `Questions`. `begun` gets what tells how far it is. */
export async function measure(
  bench: Bench,
  load: Load,
  extent: Extent,
  tokens: number | undefined,
  begun: (progress: () => string) => void,
): Promise<Run> {
  const { client, questions, seed, slo, signal } = bench;
  const tally = new Tally(slo);
  const first = bench.next;
  let inFlight = 0;
  const busy = performance.eventLoopUtilization();
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  begun(() => {
    const { completed, failed } = tally;
    return `${Math.round(seconds())} s, ${completed} answered, ${failed} failed, ${inFlight} on their way`;
  });
  const one = async (index: number) => {
    bench.next = Math.max(bench.next, first + index + 1);
    inFlight++;
    const question = questions(first + index, tokens);
    tally.add(await client.ask(question, signal, (gap) => tally.times.itl.add(gap)));
    inFlight--;
  };
  const detail = `${MOST_AT_ONCE} requests were on their way already`;
  await underLoad(load, extent, seed ^ first, signal, one, () =>
    tally.add({ kind: "failed", what: "not sent", detail }),
  );
  const duration = seconds();
  const { utilization } = performance.eventLoopUtilization(busy);
  return { load, result: tally.result(load, duration, utilization), times: tally.times };
}
