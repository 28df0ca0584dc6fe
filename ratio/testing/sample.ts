import { put } from "../../planning/testing/sample-input.ts";
import { parseRatioInput, type RatioInput } from "../input.ts";
import { planRatio, type RatioPlan } from "../plan-ratio.ts";

/**
 * Measurements for tests: ModelArts' example (Qwen2-72B, 256 tokens in and out), whose decode point takes the TPOT
 * SLO of 50 ms a little further. A new object each time, to be changed at will.
 */
export function sampleMeasurements() {
  return {
    requestRate: 12,
    input: { mean: 256, p95: 300 },
    output: { mean: 256, p95: 300 },
    slo: { ttftMs: 1000, tpotMs: 52 },
    prefill: { npus: 2, points: [{ input: 256, batch: 16, ttftMs: 877.61 }] },
    decode: { npus: 2, points: [{ input: 256, output: 256, batch: 64, tpotMs: 51.43 }] },
  };
}

/** The sample with these paths changed; `undefined` takes out what is there. */
export function ratioInput(changes: Readonly<Record<string, unknown>> = {}): RatioInput {
  const input = sampleMeasurements();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  const result = parseRatioInput(input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.input;
}

export function planOf(input: RatioInput): RatioPlan {
  const result = planRatio(input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}
