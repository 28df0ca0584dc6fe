import { readFileSync } from "node:fs";
import type { Config } from "./config/config.ts";
import type { Most } from "./data/budget.ts";
import { ListenError, SIDE_CONNECTIONS } from "./listen.ts";

/** What one thread that serves may have. */
export interface Limits {
  readonly connections: Most;
  readonly bytes: Most;
  /** Connections to engines. */
  readonly lines: number;
  /** Requests that run or wait; of those that wait a client may have its share. */
  readonly requests: Most;
}

/** Clients that are told that there is no room for them, at a time; further ones are not told. */
export const TURNED_AWAY = 32;
/** For what the process has open from the start, and for those who look after it. */
const OWN_FILES = 64 + 2 * SIDE_CONNECTIONS;
/** A thread of its own has an event loop, and turns clients away. */
const FILES_A_THREAD = 16 + TURNED_AWAY;
/** Health, load, work and a token are asked for at a time; some instances may be added. */
const FILES_AN_INSTANCE = 6;
/** Of the largest bodies a client may have so many in memory whatever its share is: else none could come. */
const LARGEST_BODIES = 2;

/** With room for fewer in a thread there is no use in a start. */
const FEWEST_CLIENTS = 4;

type Wanted = Pick<
  Config,
  | "workers"
  | "endpoints"
  | "metaserver"
  | "maxRequests"
  | "maxConnections"
  | "maxBufferedBytes"
  | "maxBodyBytes"
  | "clientShare"
>;

/** What each of the threads that serve may have, in a process that may have `files` open. Throws ListenError. */
export function limitsOf(config: Wanted, files: number): Limits {
  const { workers, metaserver, maxConnections, maxBufferedBytes, maxBodyBytes, clientShare } = config;
  // Its own connection and one to an engine; another one where decode tells where it wants KV.
  const filesAClient = metaserver === undefined ? 2 : 3;
  const rest = files - keptFiles(config);
  if (rest < FEWEST_CLIENTS * workers * filesAClient) {
    throw new ListenError(
      `this process may have ${files} files open`,
      `let it have ${keptFiles(config) + FEWEST_CLIENTS * workers * filesAClient} at least (ulimit -n)${workers > 1 ? ", or give fewer --workers" : ""}`,
    );
  }
  const clients = Math.floor(Math.min(maxConnections, rest / filesAClient) / workers) || 1;
  const bytes = Math.max(maxBufferedBytes / workers, LARGEST_BODIES * maxBodyBytes);
  const shareOf = (all: number, least: number) => ({ all, client: Math.max(clientShare * all, least) });
  return {
    connections: shareOf(clients, 1),
    bytes: shareOf(bytes, LARGEST_BODIES * maxBodyBytes),
    requests: shareOf(Math.ceil(config.maxRequests / workers), 1),
    lines: Math.floor(rest / workers) - clients * (filesAClient - 1),
  };
}

/** Files for what is no client's. */
function keptFiles({ workers, endpoints }: Wanted): number {
  const instances = endpoints.prefill.length + endpoints.decode.length;
  return OWN_FILES + workers * FILES_A_THREAD + instances * FILES_AN_INSTANCE;
}

/** How many files this process may have open. Node has raised the limit as far as it may. */
export function openFilesLimit(): number {
  try {
    const [, soft] =
      /^Max open files +([0-9]+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
