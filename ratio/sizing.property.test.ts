import fc from "fast-check";
import { expect, test } from "vitest";
import { sharings } from "./budget.ts";
import { instancesFor, type Rates, sizingOf } from "./sizing.ts";
import { ratioInput } from "./testing/sample.ts";

const rate = fc.double({ min: 0.1, max: 100, noNaN: true });
const rates: fc.Arbitrary<Rates> = fc.record({
  prefill: rate,
  decode: rate,
  transfer: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), rate),
});
const perInstance = fc.constantFrom(1, 2, 3, 4, 8);

test("The instances for a rate carry it within the allowed utilisation, and one fewer of either role would not.", () => {
  fc.assert(
    fc.property(rates, rate, (each, requestRate) => {
      const input = ratioInput();
      const { prefill, decode } = instancesFor(requestRate, each, input.utilisation);
      const busiest = (p: number, d: number) =>
        Math.max(...Object.values(sizingOf({ prefill: p, decode: d }, requestRate, each, input).busy));

      const allowed = input.utilisation * (1 + 1e-6);
      expect(busiest(prefill, decode)).toBeLessThanOrEqual(allowed);
      if (prefill > 1) expect(busiest(prefill - 1, decode)).toBeGreaterThan(input.utilisation);
      if (decode > 1) expect(busiest(prefill, decode - 1)).toBeGreaterThan(input.utilisation);
    }),
  );
});

test("Of all ways to share out NPUs, the five best that no other beats with as few NPUs are given.", () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 40 }), perInstance, perInstance, (each, npus, p, d) => {
      const input = ratioInput({ "prefill.npus": p, "decode.npus": d });
      const given = sharings(npus, each, input).map((one) => [one.npus, one.requestRate]);

      const best = bestByNpus(npus, each, p, d, input.utilisation);
      expect(given).toEqual(best.slice(0, 5).map(([n, r]) => [n, expect.closeTo(r, 8)]));
    }),
  );
});

/** Every pair, tried. `[NPUs, highest rate]` for each number of NPUs that serves more than any smaller one. */
function bestByNpus(
  npus: number,
  { prefill, decode, transfer }: Rates,
  p: number,
  d: number,
  utilisation: number,
) {
  const best: [number, number][] = [];
  for (let used = p + d; used <= npus; used++) {
    let most = best.at(-1)?.[1] ?? 0;
    let improved = false;
    for (let ps = 1; ps * p < used; ps++) {
      const ds = (used - ps * p) / d;
      if (!Number.isInteger(ds)) continue;
      const served = utilisation * Math.min(ps * prefill, ds * decode, Math.min(ps, ds) * transfer);
      if (served > most * (1 + 1e-9)) {
        most = served;
        improved = true;
      }
    }
    if (improved) best.push([used, most]);
  }
  return best.reverse();
}
