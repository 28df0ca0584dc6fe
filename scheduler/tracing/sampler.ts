/** Those of OTEL_TRACES_SAMPLER that stand by themselves. */
export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export interface Sampler {
  readonly name: (typeof SAMPLERS)[number];
  /** Of those that keep a part: which, from 0 to 1. */
  readonly ratio: number;
}

const RANDOM_DIGITS = 13;

/** Whether a trace is kept. `parent`: whether the one who asks keeps it, where there is one. */
export function isSampled({ name, ratio }: Sampler, traceId: string, parent: boolean | undefined): boolean {
  const isByParent = name.startsWith("parentbased_");
  if (isByParent && parent !== undefined) return parent;
  if (name.endsWith("always_on")) return true;
  if (name.endsWith("always_off")) return false;
  // The last digits are those that are random in every system's ids: with one ratio all keep the same traces.
  return Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) / 16 ** RANDOM_DIGITS >= 1 - ratio;
}
