import type { RatioInput } from "./input.ts";
import { ceil, type Rates, type Sizing, sizingOf } from "./sizing.ts";

/**
 * How to share out `npus` NPUs: highest rate first, at most five. Each serves more than any other that needs no more
 * NPUs; none when not even one instance of each role fits.
 */
export function sharings(npus: number, rates: Rates, input: RatioInput): Sizing[] {
  const most = Math.floor((npus - input.decode.npus) / input.prefill.npus);
  const candidates = range(1, most).flatMap((prefill) => {
    // Fewer decode instances are kept busy by fewer prefill instances; more would idle.
    const least = 1 + Math.floor(matching(prefill - 1, rates));
    const fitting = Math.floor((npus - prefill * input.prefill.npus) / input.decode.npus);
    return range(least, Math.min(fitting, ceil(matching(prefill, rates)))).map((decode) =>
      sharing(prefill, decode, rates, input),
    );
  });
  const kept: Sizing[] = [];
  for (const candidate of candidates.toSorted((a, b) => a.npus - b.npus || b.requestRate - a.requestRate)) {
    const beaten = candidate.requestRate <= (kept.at(-1)?.requestRate ?? 0) * (1 + 1e-9);
    if (!beaten) kept.push(candidate);
  }
  return kept.reverse().slice(0, 5);
}

/** Decode instances that so many prefill instances keep busy. */
function matching(prefill: number, rates: Rates): number {
  return capacity(prefill, rates.prefill, rates) / capacity(1, rates.decode, rates);
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

function sharing(prefill: number, decode: number, rates: Rates, input: RatioInput): Sizing {
  const most = Math.min(capacity(prefill, rates.prefill, rates), capacity(decode, rates.decode, rates));
  return sizingOf({ prefill, decode }, input.utilisation * most, rates, input);
}

const capacity = (instances: number, rate: number, { transfer }: Rates): number =>
  instances * Math.min(rate, transfer);
