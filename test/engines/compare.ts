import { resolve } from "node:path";
import { ask, differences, type Json } from "./answers.ts";
import type { Case } from "./cases.ts";
import { counts, type PromptTokens } from "./engine-metrics.ts";
import type { Oracle } from "./oracle.ts";
import { OTHERWISE } from "./otherwise.ts";
import { type Place, type Running, startEngine, startPair, startScheduler, stopAll } from "./rig.ts";

export interface Comparison {
  /** Whose scheduler. */
  readonly checkout: string;
  readonly atOnce: number;
  readonly cases: readonly Case[];
  readonly right: Oracle;
  /** Flags of the scheduler. */
  readonly flags?: readonly string[];
}

export interface Result {
  readonly name: string;
  readonly differences: readonly string[];
  /** Blocks that prefill still kept a moment after the answer, beyond those from before. */
  readonly heldOnPrefill: number;
  readonly prefill: PromptTokens;
  readonly decode: PromptTokens;
  readonly ms: number;
  /** Engines that ended over it. */
  readonly ended: readonly string[];
}

/**
 * Asks every case of a pair through the scheduler and says where the answers are not those of the plain instance. An
 * engine that ends on the way is started again. With more than one at once only the answers are looked at.
 */
export async function compareAll(
  place: Place,
  { checkout, atOnce, cases, right, flags = [] }: Comparison,
): Promise<Result[]> {
  let pair = await startPair(place);
  let scheduler = await startScheduler(resolve(checkout), pair, place.logs, flags);
  const stop = () => stopAll([scheduler, pair.prefill, pair.decode]);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)));

  const all: Result[] = [];
  const waiting = cases.entries();
  try {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const [index, one] of waiting) {
          const result = await (atOnce === 1 ? compareAlone(one) : compare(one));
          all.push(result);
          if (isWrong(result) || result.heldOnPrefill > 0)
            console.log(`${index + 1}/${cases.length} ${summary(result)}`);
        }
      }),
    );
  } finally {
    await stop();
  }
  return all;

  async function compare({ name, ...asked }: Case): Promise<Result> {
    const began = performance.now();
    const found = await ask(scheduler.url, { name, ...asked }).then(
      (answer) => differences(json(right[name]), json(answer)),
      (error: unknown) => [
        `no answer: ${error instanceof Error ? `${error.message} ${error.cause ?? ""}` : error}`,
      ],
    );
    const ms = Math.round(performance.now() - began);
    return { name, differences: found, heldOnPrefill: 0, prefill: {}, decode: {}, ms, ended: [] };
  }

  /** With nothing else under way the engines' metrics tell of this case only. */
  async function compareAlone(one: Case): Promise<Result> {
    const measured = () => Promise.all([counts(pair.prefill.url), counts(pair.decode.url)]);
    const [prefill, decode] = await measured();
    const result = await compare(one);
    const ended = await mended();
    if (ended.length > 0) return { ...result, ended };
    const [prefillAfter, decodeAfter] = await measured();
    return {
      ...result,
      heldOnPrefill: await stillHeld(prefill.blocks),
      prefill: since(prefill.promptTokens, prefillAfter.promptTokens),
      decode: since(decode.promptTokens, decodeAfter.promptTokens),
    };
  }

  /** Prefill hears of a fetch a moment after the answer. */
  async function stillHeld(before: number): Promise<number> {
    for (let tries = 0; ; tries++) {
      const held = (await counts(pair.prefill.url)).blocks - before;
      if (held <= 0 || tries === 10) return Math.max(0, held);
      await new Promise((wait) => setTimeout(wait, 100));
    }
  }

  /** Starts again what has ended, the scheduler with it, whose table has the ports; gives the names. */
  async function mended(): Promise<string[]> {
    // A worker's error ends the engine some moments later.
    const isUp = async ({ url, hasEnded }: Running) =>
      !hasEnded &&
      (await fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      ));
    const [isPrefillUp, isDecodeUp] = await Promise.all([isUp(pair.prefill), isUp(pair.decode)]);
    if (isPrefillUp && isDecodeUp) return [];
    await stopAll([scheduler, isPrefillUp ? undefined : pair.prefill, isDecodeUp ? undefined : pair.decode]);
    const names = [...(isPrefillUp ? [] : ["prefill"]), ...(isDecodeUp ? [] : ["decode"])];
    pair = {
      prefill: isPrefillUp ? pair.prefill : await startEngine("prefill", place),
      decode: isDecodeUp ? pair.decode : await startEngine("decode", place),
    };
    scheduler = await startScheduler(resolve(checkout), pair, place.logs, flags);
    return names;
  }
}

/** Other than a plain instance answers, and not on purpose; or an engine has ended over it. */
export function isWrong({ name, differences, ended }: Result): boolean {
  return ended.length > 0 || (differences.length > 0 && !(name in OTHERWISE));
}

/** As it is when it has been in a file. */
function json(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}

export function since(before: PromptTokens, after: PromptTokens): PromptTokens {
  return Object.fromEntries(
    Object.entries(after)
      .map(([source, count]) => [source, count - (before[source] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}

function summary({ name, differences, heldOnPrefill, ended, ms }: Result): string {
  const lines = [
    `${differences.length === 0 ? "equal" : "NOT EQUAL"}: ${name} (${ms} ms)`,
    ...differences.slice(0, 6),
    ...(differences.length > 6 ? [`and ${differences.length - 6} more`] : []),
    ...(heldOnPrefill > 0 ? [`prefill still holds ${heldOnPrefill} blocks`] : []),
    ...(ended.length > 0 ? [`ENDED: ${ended.join(", ")}`] : []),
  ];
  return lines.join("\n    ");
}
