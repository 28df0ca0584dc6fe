import { expect, test } from "vitest";
import { prefillMs, stepMs } from "./latency.ts";

const model = { ttftBaseMs: 45, ttftMsPerToken: 0.5, interTokenMs: 15, maxNumSeqs: 256 };

test("The first token takes longer the longer the prompt is.", () => {
  expect([prefillMs(model, 0), prefillMs(model, 100)]).toEqual([45, 95]);
});

test("A step takes the given time alone, and twice that in a full batch.", () => {
  expect([stepMs(model, 1), stepMs(model, 256)]).toEqual([15, 30]);
  expect(stepMs({ ...model, maxNumSeqs: 1 }, 1)).toBe(15);
});
