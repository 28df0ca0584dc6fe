import { expect, test } from "vitest";
import { sensitivities } from "./sensitivity.ts";
import { ratioInput } from "./testing/sample.ts";

const shown = (changes: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    sensitivities(ratioInput(changes)).map(({ input, lower, higher }) => [
      input,
      [lower, higher].map((one) => ("code" in one ? one.code : `${one.prefill}P ${one.decode}D`)),
    ]),
  );

test("Each input is taken 20 % lower and higher by itself.", () => {
  expect(shown({ requestRate: 60, slo: { ttftMs: 2000, tpotMs: 100 } })).toEqual({
    "request rate": ["4P 14D", "6P 20D"],
    "input length": ["PD901", "PD901"],
    "output length": ["5P 14D", "5P 20D"],
    "time in prefill": ["4P 17D", "6P 17D"],
    "time in decode": ["5P 14D", "5P 20D"],
    utilisation: ["6P 21D", "4P 14D"],
  });
});

test("Prefix hits count where there are some, and a latency that then misses its SLO is refused.", () => {
  expect(shown({ requestRate: 60, prefixHit: 0.5 })).toMatchObject({
    "prefix hits": ["3P 17D", "2P 17D"],
    "time in prefill": ["2P 17D", "PD903"],
  });
});

test("A measured throughput is worth less when an instance takes longer.", () => {
  const prefill = { npus: 2, points: [{ input: 256, tokensPerSecond: 4600 }] };

  expect(shown({ requestRate: 60, prefill })).toMatchObject({ "time in prefill": ["4P 17D", "6P 17D"] });
});

test("No instance is ever planned to be always busy.", () => {
  expect(shown({ requestRate: 60, utilisation: 0.9 })).toMatchObject({ utilisation: ["5P 18D", "4P 13D"] });
});

test("For a budget of NPUs there is no request rate to vary.", () => {
  expect(Object.keys(shown({ requestRate: undefined, npus: 16 }))).not.toContain("request rate");
});
