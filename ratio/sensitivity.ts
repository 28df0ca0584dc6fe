import { found } from "../planning/layout.ts";
import type { Problem } from "../problems/problem.ts";
import type { RatioInput } from "./input.ts";
import { planRatio } from "./plan-ratio.ts";
import type { Sizing } from "./sizing.ts";

/** What it would mean if an input were 20 % lower or higher: the best sizing, or why there is none. */
export interface Sensitivity {
  readonly input: string;
  readonly lower: Sizing | Problem;
  readonly higher: Sizing | Problem;
}

export function sensitivities(input: RatioInput): Sensitivity[] {
  return Object.entries(scalable(input)).map(([name, scale]) => ({
    input: name,
    lower: bestOf(scale(0.8)),
    higher: bestOf(scale(1.2)),
  }));
}

function bestOf(input: RatioInput): Sizing | Problem {
  const result = planRatio(input);
  if ("plan" in result) return result.plan.sizings[0];
  return found(result.problems[0]);
}

/** A length that nothing was measured at is refused here as anywhere, and that is what the reader learns. */
function scalable(input: RatioInput): Record<string, (factor: number) => RatioInput> {
  const { requestRate, prefixHit, prefill, decode } = input;
  const share = (value: number) => Math.min(0.99, value);
  return {
    ...(requestRate !== undefined && {
      "request rate": (factor: number) => ({ ...input, requestRate: requestRate * factor }),
    }),
    "input length": (factor) => ({ ...input, input: { mean: input.input.mean * factor } }),
    "output length": (factor) => ({ ...input, output: { mean: Math.max(2, input.output.mean * factor) } }),
    ...(prefixHit > 0 && {
      "prefix hits": (factor: number) => ({ ...input, prefixHit: share(prefixHit * factor) }),
    }),
    "time in prefill": (factor) => ({
      ...input,
      prefill: { ...prefill, points: slowed(prefill.points, "ttftMs", factor) },
    }),
    "time in decode": (factor) => ({
      ...input,
      decode: { ...decode, points: slowed(decode.points, "tpotMs", factor) },
    }),
    utilisation: (factor) => ({ ...input, utilisation: share(input.utilisation * factor) }),
  };
}

function slowed<Point extends { readonly tokensPerSecond?: number | undefined }>(
  points: readonly Point[],
  latency: keyof Point,
  factor: number,
): Point[] {
  return points.map((point) => {
    const { tokensPerSecond } = point;
    if (tokensPerSecond !== undefined) return { ...point, tokensPerSecond: tokensPerSecond / factor };
    return { ...point, [latency]: Number(point[latency]) * factor };
  });
}
