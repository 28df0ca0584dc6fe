import type { Deadlines } from "./deadlines.ts";
import type { ErrorCode } from "./errors.ts";
import { Pool } from "./pool.ts";

export type Role = "prefill" | "decode";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What an instance says about itself on /metrics. */
export interface Load {
  /** Requests that wait for their turn; `undefined` when it does not say. */
  readonly waiting: number | undefined;
  /** Tokens of KV cache that are free; `undefined` when it does not say. */
  readonly freeKvTokens: number | undefined;
}

/** One vLLM server, and what the scheduler knows about it now. */
export interface Instance {
  readonly role: Role;
  /** `prefill-0`, by its place in the global rank table when it was added. */
  readonly name: string;
  readonly pool: Pool;
  /** Hosts of all instances, which no client is to read of. */
  readonly hosts: ReadonlySet<string>;
  /** Whether it answers its health check; not before the first answer. */
  healthy: boolean;
  /** Whether it works on nothing although it answers its health check. */
  stalled: boolean;
  /** Gets no new requests. */
  draining: boolean;
  /** Requests that it works on for us. */
  inFlight: number;
  /** How many of them have a prompt of each size, by power of two. */
  readonly promptSizes: Uint32Array;
  /** Grows with every piece of an answer to a client's request. */
  heard: number;
  /** Prompts whose KV cache it keeps for a decode instance: one that has not answered yet, or never will. */
  kvHeld: number;
  /** Prompts whose KV cache was handed out, and no decode instance is known to have fetched it. */
  kvAbandoned: number;
  /** Requests that it has answered well. */
  served: number;
  /** Times that it has failed a request, by kind. */
  readonly failures: Map<ErrorCode, number>;
  /** What it last said about its load, where that is asked for. */
  load: Load | undefined;
  /** Why its load cannot be told. */
  loadProblem: string | undefined;
  /** What was sent there since. */
  readonly sinceLoad: { requests: number; bytes: number };
  /** Called when it drains and there is nothing left that needs it. */
  idle: () => void;
}

export function makeInstance(
  role: Role,
  name: string,
  { host, port }: Endpoint,
  deadlines: Deadlines,
  connectMs: number,
  hosts = new Set<string>(),
): Instance {
  hosts.add(host);
  return {
    role,
    name,
    hosts,
    pool: new Pool(host, port, deadlines, connectMs),
    healthy: false,
    stalled: false,
    draining: false,
    inFlight: 0,
    promptSizes: new Uint32Array(33),
    heard: 0,
    kvHeld: 0,
    kvAbandoned: 0,
    served: 0,
    failures: new Map(),
    load: undefined,
    loadProblem: undefined,
    sinceLoad: { requests: 0, bytes: 0 },
    idle: () => {},
  };
}

/** Whether it gets requests. */
export function isReady({ healthy, stalled, draining }: Instance): boolean {
  return healthy && !stalled && !draining;
}

/** Whether nothing needs it any more. */
export function isIdle({ inFlight, kvHeld }: Instance): boolean {
  return inFlight === 0 && kvHeld === 0;
}

/** To be called when `inFlight` or `kvHeld` became less. */
export function noteIdle(instance: Instance): void {
  if (instance.draining && isIdle(instance)) instance.idle();
}
