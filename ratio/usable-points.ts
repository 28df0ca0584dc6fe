import type { Problem } from "../problems/problem.ts";
import type { RatioInput } from "./input.ts";
import { decodeRate, prefillRate } from "./rates.ts";

/** A measurement that says something about this workload. */
export interface UsablePoint {
  /** Where the file has it: `prefill.points[0]`. */
  readonly path: string;
  /** Requests per second of one instance. */
  readonly rate: number;
  readonly batch?: number | undefined;
  readonly latencyMs?: number | undefined;
}

export interface Measured {
  /** The one that serves most. */
  readonly best: UsablePoint | undefined;
  /** Why each of the others does not count. */
  readonly refused: Problem[];
}

/** Lengths this close to each other count as the same; nothing is extrapolated from one length to another. */
const tolerance = 0.1;

interface Candidate extends UsablePoint {
  readonly measuredAt: number;
}

export function measuredPrefill({ prefill, input, slo }: RatioInput): Measured {
  const candidates = prefill.points.map(
    (point, index): Candidate => ({
      path: `prefill.points[${index}]`,
      rate: prefillRate(point, input.mean),
      batch: point.batch,
      latencyMs: point.ttftMs,
      measuredAt: point.input,
    }),
  );
  return choose(candidates, {
    length: input.mean,
    what: "prompt",
    batch: prefill.batch,
    slo: slo.ttftMs,
    latency: "TTFT",
  });
}

/** A decode step takes as long as the context that it reads: on average the prompt and half of the answer. */
export function measuredDecode({ decode, input, output, slo }: RatioInput): Measured {
  const candidates = decode.points.map(
    (point, index): Candidate => ({
      path: `decode.points[${index}]`,
      rate: decodeRate(point, output.mean),
      batch: point.batch,
      latencyMs: point.tpotMs,
      measuredAt: point.input + point.output / 2,
    }),
  );
  const length = input.mean + output.mean / 2;
  return choose(candidates, {
    length,
    what: "context",
    batch: decode.batch,
    slo: slo.tpotMs,
    latency: "TPOT",
  });
}

interface Wanted {
  readonly length: number;
  readonly what: string;
  readonly batch: number | undefined;
  readonly slo: number;
  readonly latency: string;
}

function choose(candidates: readonly Candidate[], wanted: Wanted): Measured {
  const refused: Problem[] = [];
  let best: UsablePoint | undefined;
  for (const { measuredAt, ...point } of candidates) {
    const problem = refusal({ ...point, measuredAt }, wanted);
    if (problem !== undefined) refused.push(problem);
    else if (best === undefined || point.rate > best.rate) best = point;
  }
  return { best, refused };
}

function refusal(point: Candidate, { length, what, batch, slo, latency }: Wanted): Problem | undefined {
  const refuse = (code: string, message: string, fix: string): Problem => ({
    code,
    severity: "error",
    path: point.path,
    message,
    fix,
  });
  if (Math.abs(point.measuredAt - length) > tolerance * length) {
    const message = `was measured at a mean ${what} of ${point.measuredAt} tokens, the requests have ${round(length)}`;
    return refuse("PD901", message, "measure with the lengths of the requests");
  }
  if (batch !== undefined && point.batch !== batch) {
    const message = `was measured at batch ${point.batch ?? "unknown"}, the instances will run ${batch}`;
    return refuse("PD902", message, `measure at batch ${batch}`);
  }
  if (point.latencyMs !== undefined && point.latencyMs > slo) {
    const message = `its ${latency} of ${point.latencyMs} ms misses the SLO of ${slo} ms`;
    return refuse("PD903", message, "measure at a smaller batch, or promise less");
  }
  return undefined;
}

const round = (value: number): number => Math.round(value * 10) / 10;
