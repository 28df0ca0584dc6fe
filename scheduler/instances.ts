import type { Deadlines } from "./deadlines.ts";
import type { Load } from "./load.ts";
import { Pool } from "./pool.ts";

export type Role = "prefill" | "decode";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One vLLM server, and what the scheduler knows about it now. */
export interface Instance {
  readonly role: Role;
  /** `prefill-0`, by its place in the global rank table. */
  readonly name: string;
  readonly pool: Pool;
  /** Whether it answers its health check; not before the first answer. */
  healthy: boolean;
  /** Requests that it works on for us. */
  inFlight: number;
  /** What it last said about its load, where that is asked for. */
  load: Load | undefined;
  /** What was sent there since. */
  readonly sinceLoad: { requests: number; bytes: number };
}

export function makeInstances(
  role: Role,
  endpoints: readonly Endpoint[],
  deadlines: Deadlines,
  connectMs: number,
): Instance[] {
  return endpoints.map(({ host, port }, index) => ({
    role,
    name: `${role}-${index}`,
    pool: new Pool(host, port, deadlines, connectMs),
    healthy: false,
    inFlight: 0,
    load: undefined,
    sinceLoad: { requests: 0, bytes: 0 },
  }));
}
