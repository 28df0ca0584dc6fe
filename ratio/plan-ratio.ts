import type { Problem } from "../problems/problem.ts";
import { sharings } from "./budget.ts";
import type { RatioInput } from "./input.ts";
import { transferRate } from "./rates.ts";
import { instancesFor, type Rates, ratesOf, type Sizing, sizingOf } from "./sizing.ts";
import { measuredDecode, measuredPrefill, type UsablePoint } from "./usable-points.ts";

export interface RatioPlan {
  /** The points that the rates come from. */
  readonly points: { readonly prefill: UsablePoint; readonly decode: UsablePoint };
  readonly rates: Rates;
  /** Decode instances that one prefill instance keeps busy. */
  readonly decodePerPrefill: number;
  /** The best first; only one when the request rate is given. */
  readonly sizings: readonly [Sizing, ...Sizing[]];
  /**
   * Mean milliseconds that a prompt waits for prefill at least, as an M/D/1 queue; absent where no TTFT was measured.
   * Source: DistServe, arXiv 2401.09670, section 3.1.
   */
  readonly queueingMs?: number;
}

/** How many instances of each role, or why these measurements do not say. `refused` are points that do not count. */
export function planRatio(
  input: RatioInput,
): { plan: RatioPlan; refused: Problem[] } | { problems: Problem[] } {
  const prefill = measuredPrefill(input);
  const decode = measuredDecode(input);
  const refused = [...prefill.refused, ...decode.refused];
  if (prefill.best === undefined || decode.best === undefined) return { problems: refused };
  const points = { prefill: prefill.best, decode: decode.best };
  const rates = ratesOf(input, points.prefill, points.decode, transferRate(input));
  const [best, ...others] = sizingsOf(input, rates);
  if (best === undefined) return { problems: [tooFewNpus(input)] };
  const plan: RatioPlan = {
    points,
    rates,
    decodePerPrefill: rates.prefill / rates.decode,
    sizings: [best, ...others],
    ...(points.prefill.latencyMs !== undefined && {
      queueingMs: queueing(best.busy.prefill, points.prefill.rate),
    }),
  };
  return { plan, refused };
}

function sizingsOf(input: RatioInput, rates: Rates): Sizing[] {
  const { requestRate, npus = 0, utilisation } = input;
  if (requestRate === undefined) return sharings(npus, rates, input);
  return [sizingOf(instancesFor(requestRate, rates, utilisation), requestRate, rates, input)];
}

function tooFewNpus({ npus, prefill, decode }: RatioInput): Problem {
  const least = prefill.npus + decode.npus;
  return {
    code: "PD904",
    severity: "error",
    path: "npus",
    message: `${npus} do not hold one prefill and one decode instance`,
    fix: `give at least ${least}`,
  };
}

const queueing = (busy: number, rate: number): number => ((busy / (2 * (1 - busy))) * 1000) / rate;
