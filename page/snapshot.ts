/** What there is to see of a deployment at one time. Plain data, of which the page draws everything it shows. */
export interface Snapshot {
  /** Milliseconds since 1970, by the scheduler's clock. */
  readonly at: number;
  /** When the scheduler was started. */
  readonly startedAt: number;
  readonly version: string;
  /** Where a stack file says so. */
  readonly stack?: string;
  /** Names that the model answers to; none where any does. */
  readonly models: readonly string[];
  readonly policy: string;
  readonly handoff: string;
  readonly state: "ready" | "not ready" | "stopping";
  readonly totals: Totals;
  readonly hosts: readonly HostView[];
  /** Prefill instances, then decode instances. */
  readonly instances: readonly InstanceView[];
  readonly edges: readonly Edge[];
  /** The last ones, newest first. */
  readonly events: readonly EventView[];
}

/** Of all requests; rates are of the last seconds. */
export interface Totals {
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  /** With a status of 500 or more, or broken off. */
  readonly failedPerSecond: number;
  /** Of streams: an event is a token, or a few. */
  readonly eventsPerSecond: number;
  readonly handoffsPerSecond: number;
  readonly kvHeld: number;
  /** Since the scheduler was started, of KV caches that decode has not fetched. */
  readonly kvReleased: number;
  readonly kvExpired: number;
  /** Means of the last seconds, in milliseconds; absent where nothing was timed. */
  readonly ttftMs?: number;
  readonly tpotMs?: number;
}

export interface HostView {
  readonly address: string;
  /** As in the stack file. */
  readonly name?: string;
  /** Ids of all its NPUs, where they are known. */
  readonly npus?: readonly number[];
}

export const STATES = [
  "ready",
  "unhealthy",
  "stalled",
  "broken",
  "unproven",
  "draining",
  "drained",
  "leaving",
] as const;
export type StateWord = (typeof STATES)[number];

export interface InstanceView {
  readonly name: string;
  readonly role: "prefill" | "decode";
  /** Of its host, as in `hosts`. */
  readonly host: string;
  /** `10.0.0.18:8088`. */
  readonly address: string;
  readonly npus: readonly number[];
  /** The most important one first. */
  readonly states: readonly StateWord[];
  /** Names of those of the other role that it fails canaries with. */
  readonly quarantined?: readonly string[];
  /** The last time that it was tried with a completion of a token because it seemed to stand still. */
  readonly trial?: { readonly at: number; readonly works: boolean };
  /** Requests of this scheduler that it works on. */
  readonly inFlight: number;
  /** What the engine says of itself; absent where it does not. */
  readonly running?: number;
  readonly waiting?: number;
  /** From 0 to 1. */
  readonly kvUsage?: number;
  /** Of decode, where its engine tells: the part of its prompt tokens that prefill has computed, from 0 to 1. */
  readonly transferShare?: number;
  /** Whether decode computes most of its prompts itself. */
  readonly computesPrompts?: boolean;
  readonly kvHeld: number;
  readonly kvReleased: number;
  readonly kvExpired: number;
  readonly served: number;
  readonly failures: number;
  /** Means of the last seconds, in milliseconds; absent where nothing was timed. */
  readonly ttftMs?: number;
  readonly tpotMs?: number;
}

/** Handoffs between two instances, by their places in `instances`. */
export type Edge = readonly [prefill: number, decode: number, perSecond: number];

/** What the scheduler's log said, requests that went well and clients' own mistakes left out. */
export interface EventView {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Instances that it is about. */
  readonly instances: readonly string[];
  /** `prefill_timeout`, `stalled`, `draining`, … */
  readonly what: string;
  readonly detail?: string;
  readonly isBad: boolean;
}

/** That of a snapshot which the page draws over time. */
export interface Point {
  readonly at: number;
  readonly totals: Totals;
  /** By name: TTFT and TPOT, null where nothing was timed. */
  readonly paces: Readonly<Record<string, readonly [ttftMs: number | null, tpotMs: number | null]>>;
}

export function pointOf({ at, totals, instances }: Snapshot): Point {
  const pace = ({ name, ttftMs, tpotMs }: InstanceView) => [name, [ttftMs ?? null, tpotMs ?? null]] as const;
  return { at, totals, paces: Object.fromEntries(instances.map(pace)) };
}

/** Why there is nothing to see now, in words for people. */
export interface Trouble {
  readonly what: string;
  readonly fix: string;
}
