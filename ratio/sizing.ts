import type { RatioInput } from "./input.ts";
import type { UsablePoint } from "./usable-points.ts";

/** Requests per second that one instance of each kind carries at 100 %. */
export interface Rates {
  readonly prefill: number;
  readonly decode: number;
  /** Of the link of one instance; infinite when it was not given. */
  readonly transfer: number;
}

/** What so many instances do with so many requests. Rates are requests per second, 1 means 100 %. */
export interface Sizing {
  readonly prefill: number;
  readonly decode: number;
  readonly npus: number;
  readonly requestRate: number;
  readonly busy: { readonly prefill: number; readonly decode: number; readonly transfer: number };
  readonly bottleneck: keyof Rates;
  /** By how much the rate can grow until the bottleneck is as busy as allowed: 0.2 is 20 %. */
  readonly headroom: number;
  /** How busy the others are once an instance of that role is gone; more than 1 is overload, null: none is left. */
  readonly busyWithoutOne: { readonly prefill: number | null; readonly decode: number | null };
}

/** Prefill works on what the prefix cache does not hold. */
export function ratesOf(
  input: RatioInput,
  prefill: UsablePoint,
  decode: UsablePoint,
  transfer: number,
): Rates {
  return { prefill: prefill.rate / (1 - input.prefixHit), decode: decode.rate, transfer };
}

/** The fewest instances that carry the rate and are no busier than allowed. */
export function instancesFor(
  requestRate: number,
  rates: Rates,
  utilisation: number,
): { prefill: number; decode: number } {
  const instances = (rate: number) => ceil(requestRate / (utilisation * Math.min(rate, rates.transfer)));
  return { prefill: instances(rates.prefill), decode: instances(rates.decode) };
}

export function sizingOf(
  { prefill, decode }: { prefill: number; decode: number },
  requestRate: number,
  rates: Rates,
  input: RatioInput,
): Sizing {
  const busy = {
    prefill: requestRate / (prefill * rates.prefill),
    decode: requestRate / (decode * rates.decode),
    transfer: requestRate / (Math.min(prefill, decode) * rates.transfer),
  };
  const [bottleneck] = (["prefill", "decode", "transfer"] as const).toSorted((a, b) => busy[b] - busy[a]);
  if (bottleneck === undefined) throw new Error("there are three candidates");
  return {
    prefill,
    decode,
    npus: prefill * input.prefill.npus + decode * input.decode.npus,
    requestRate,
    busy,
    bottleneck,
    headroom: input.utilisation / busy[bottleneck] - 1,
    busyWithoutOne: {
      prefill: prefill > 1 ? (busy.prefill * prefill) / (prefill - 1) : null,
      decode: decode > 1 ? (busy.decode * decode) / (decode - 1) : null,
    },
  };
}

/** What rounding leaves of a whole number must not cost an instance. */
export const ceil = (value: number): number => Math.max(1, Math.ceil(value * (1 - 1e-9)));
