import { ask, differences, type Json } from "./answers.ts";
import type { Case } from "./cases.ts";
import { counts, type PromptTokens } from "./engine-metrics.ts";
import type { Oracle } from "./oracle.ts";
import { OTHERWISE } from "./otherwise.ts";
import type { System } from "./systems.ts";

export interface Comparison {
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
 * Asks every case of a system through its scheduler, says where the answers are not those of the plain instance, and stops
 * it. An engine that ends on the way is started again. With more than one at once only the answers are looked at.
 */
export async function compareAll(system: System, { atOnce, cases, right }: Comparison): Promise<Result[]> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void system.stop().finally(() => process.exit(130)));

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
    await system.stop();
  }
  return all;

  async function compare({ name, ...asked }: Case): Promise<Result> {
    const began = performance.now();
    const found = await ask(system.scheduler, { name, ...asked }).then(
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
    const measured = () => Promise.all([counts(system.prefill), counts(system.decode)]);
    const [prefill, decode] = await measured();
    const result = await compare(one);
    const ended = await system.mended();
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
      const held = (await counts(system.prefill)).blocks - before;
      if (held <= 0 || tries === 10) return Math.max(0, held);
      await new Promise((wait) => setTimeout(wait, 100));
    }
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
