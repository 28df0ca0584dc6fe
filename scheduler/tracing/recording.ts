import type { LegRecord, Recorder } from "../log.ts";
import { contextLines, SAMPLED, type TraceContext } from "./context.ts";
import { randomId } from "./random-ids.ts";
import { isSampled, type Sampler } from "./sampler.ts";

/** A leg that was asked for; times by the clock of `performance.now()`. */
export interface LegSpan extends LegRecord {
  readonly role: "prefill" | "decode";
  readonly instance: string;
  readonly spanId: string;
  readonly startedAt: number;
  endedAt: number | undefined;
}

/** More legs than this of one request are not kept: several answers are at most 128 pairs, and tried twice. */
const MAX_LEGS = 512;

/** What is kept of a request, for spans of it. */
export class Recording implements Recorder {
  readonly context: TraceContext;
  readonly spanId = randomId(8);
  /** Of the request, in milliseconds since 1970: `at` by the clock of `performance.now()`. */
  readonly begun = { unixMs: Date.now(), at: performance.now() };
  readonly legs: LegSpan[] = [];

  /** `context`: the request's own is a span within it, unless its `parentId` is empty. */
  constructor(context: TraceContext) {
    this.context = context;
  }

  get traceId(): string {
    return this.context.traceId;
  }

  begin(role: "prefill" | "decode", instance: string): LegSpan {
    const spanId = randomId(8);
    const lines = contextLines({ ...this.context, parentId: spanId });
    const leg: LegSpan = {
      role,
      instance,
      spanId,
      lines,
      startedAt: performance.now(),
      endedAt: undefined,
      end() {
        leg.endedAt ??= performance.now();
      },
    };
    if (this.legs.length < MAX_LEGS) this.legs.push(leg);
    return leg;
  }
}

/** What is not kept here goes on to engines as it came. */
function passing(context: TraceContext): Recorder {
  const leg: LegRecord = { lines: contextLines(context), end() {} };
  return { traceId: context.traceId, begin: () => leg };
}

/** Whether spans are made of requests, and of which. */
export interface Keeping {
  readonly isExported: boolean;
  readonly sampler: Sampler;
}

/**
 * What is kept of a request that says this of a trace. One that says it in a way that cannot be right begins a trace; one that
 * says nothing begins one where spans are exported.
 */
export function recorderOf(
  given: TraceContext | "invalid" | undefined,
  { isExported, sampler }: Keeping,
): Recorder | undefined {
  if (given === undefined && !isExported) return undefined;
  const isChild = typeof given === "object";
  if (isChild && !isExported) return passing(given);
  const context = isChild ? given : { traceId: randomId(16), parentId: "", flags: RANDOM, state: "" };
  const parent = isChild ? (given.flags & SAMPLED) !== 0 : undefined;
  const isKept = isSampled(sampler, context.traceId, parent);
  const flags = isKept ? context.flags | SAMPLED : context.flags & ~SAMPLED;
  if (isKept && isExported) return new Recording({ ...context, flags });
  return passing({ ...context, flags, parentId: context.parentId || randomId(8) });
}

/** A trace id that is begun here is random to its last digit. */
const RANDOM = 0x02;
