import type { Field } from "./head.ts";

const PARAMETER = /(?<=^|,)[ \t]*(timeout|max)=([0-9]+)[ \t]*(?=,|$)/gi;

/**
 * What `Keep-Alive: timeout=5, max=100` promises (RFC 2068 §19.7.1): how long an idle connection stays open, and how
 * many more requests it takes. No standard binds anybody to it, so what is not understood is no hint; of several the
 * least counts.
 */
export function keepAliveHint(fields: readonly Field[]): {
  readonly timeoutMs: number;
  readonly max: number;
} {
  let timeoutMs = Number.POSITIVE_INFINITY;
  let max = Number.POSITIVE_INFINITY;
  for (const { name, value } of fields) {
    if (name !== "keep-alive") continue;
    for (const [, parameter, digits] of value.matchAll(PARAMETER)) {
      if (parameter?.toLowerCase() === "timeout") timeoutMs = Math.min(timeoutMs, Number(digits) * 1000);
      else max = Math.min(max, Number(digits));
    }
  }
  return { timeoutMs, max };
}
