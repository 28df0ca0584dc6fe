import { table } from "../table.ts";
import type { Load } from "./load.ts";
import { METRICS, type Result } from "./tally.ts";

/** A run for people. */
export function resultText(name: string, result: Result): string {
  const rows = METRICS.filter((metric) => result[`max_${metric}_ms`] > 0).map((metric) => [
    `${metric.toUpperCase()}, ms`,
    ...(["mean", "median", "std", "p90", "p95", "p99", "max"] as const).map((figure) =>
      short(result[`${figure}_${metric}_ms`]),
    ),
  ]);
  const header = ["", "MEAN", "MEDIAN", "STD", "P90", "P95", "P99", "MAX"];
  const errors = Object.entries(result.errors).map(
    ([what, { count, example }]) => `  ${count} × ${what}: ${example}`,
  );
  return [
    headline(name, result),
    ...(rows.length > 0 ? [table([header, ...rows]).replace(/^/gm, "  ")] : []),
    ...errors,
  ].join("\n");
}

export const loadName = (load: Load): string =>
  "rate" in load ? `${load.rate} requests/s` : `concurrency ${load.concurrency}`;

function headline(name: string, result: Result): string {
  const parts = [
    `${result.completed} answered in ${short(result.duration)} s`,
    ...(result.failed > 0 ? [`${result.failed} failed`] : []),
    ...(result.cancelled > 0 ? [`${result.cancelled} left before their end`] : []),
  ];
  const rates = [
    `${short(result.request_throughput)} requests/s`,
    ...(result.request_goodput === null ? [] : [`${short(result.request_goodput)} of them within the SLO`]),
    `${short(result.output_throughput)} tokens/s, ${short(result.total_token_throughput)} with the prompts'`,
  ];
  return `${name}: ${parts.join(", ")}\n  ${rates.join(", ")}`;
}

/** Three digits that count, or all before the point. */
function short(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
