import type { Endpoint } from "../config/endpoints.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Connector } from "../trust/tls.ts";
import { Account, type Place } from "./account.ts";
import type { Lines } from "./lines.ts";
import { Pool } from "./pool.ts";
import { PrefixCache, type PrefixTable } from "./prefix-cache.ts";
import { type Prefixes, unitsOf } from "./prefixes.ts";

export type Role = "prefill" | "decode";

/** An instance as one thread tells it to another. */
export interface Member extends Endpoint {
  readonly role: Role;
  /**
   * As NODE_PORTS says, else by its place in the global rank table when it was added: `prefill-0`; `prefill-0-rank-1` of a
   * rank.
   */
  readonly name: string;
  /** No other instance has it, now or later. */
  readonly id: number;
  /** The least that no other instance of its role has at the time: what is counted of pairs is counted there. */
  readonly place: number;
  /** Of its account. */
  readonly memory: SharedArrayBuffer;
}

/** Which instances there are. */
export interface Roster {
  readonly members: readonly Member[];
  /** Of all instances that there ever were, in lower case: an engine may still name one that has left. */
  readonly hosts: readonly string[];
}

/** One vLLM server, or one rank of it, what the scheduler knows about it now, and one thread's connections to it. */
export class Instance extends Account {
  readonly role: Role;
  /** Others may see to it that it changes; what an instance is known by is its role and address. */
  name: string;
  readonly id: number;
  readonly place: number;
  /** The only one of its data-parallel ranks that it stands for. */
  readonly rank: number | undefined;
  readonly pool: Pool;
  /** Where requests go by it. */
  readonly cache: PrefixCache | undefined;
  /** Hosts of all instances, in lower case, which no client is to read of. */
  readonly hosts: ReadonlySet<string>;
  /** The line of a head that its engine wants to see, if any. */
  readonly authorization: string;
  readonly #becameIdle: () => void;

  constructor(
    { role, name, id, place: at, host, port, rank, memory }: Member,
    place: Place,
    surroundings: Surroundings,
  ) {
    const { deadlines, connectMs, lines, hosts, authorization, connector, becameIdle, prefixes } =
      surroundings;
    super(memory, place);
    this.role = role;
    this.name = name;
    this.id = id;
    this.place = at;
    this.rank = rank;
    this.pool = new Pool(host, port, deadlines, connectMs, connector, lines);
    this.cache = prefixes && new PrefixCache(prefixes, id, this.cached);
    this.hosts = hosts;
    this.authorization = authorization;
    this.#becameIdle = becameIdle;
  }

  /** Units of a prompt that its prefix cache has, as far as is known. */
  cachedOf(prefixes: Prefixes | undefined): number {
    return prefixes === undefined ? 0 : (this.cache?.matched(prefixes) ?? 0);
  }

  /**
   * It gets a request of so many bytes with this prompt. Gives what is to be told to `end`. Prefill computes what it has
   * not; decode holds all.
   */
  take(bytes: number, prefixes: Prefixes | undefined): number {
    const cached = this.cachedOf(prefixes);
    const units = unitsOf(bytes) - (this.role === "prefill" ? cached : 0);
    this.begin(bytes, units);
    if (prefixes !== undefined) {
      this.expect(unitsOf(prefixes.bytes), cached);
      this.cache?.use(prefixes);
    }
    return units;
  }

  override end(bytes: number, units?: number): void {
    super.end(bytes, units);
    this.#noteIdle();
  }

  override dropKv(end?: "kvReleased" | "kvExpired"): void {
    super.dropKv(end);
    this.#noteIdle();
  }

  #noteIdle(): void {
    if (this.draining && this.idle) this.#becameIdle();
  }

  get member(): Member {
    const { role, name, id, place, rank, memory, pool } = this;
    const { host, port } = pool;
    return { role, name, id, place, memory, host, port, ...(rank === undefined ? {} : { rank }) };
  }
}

/** What the instances of a thread share. */
export interface Surroundings {
  readonly deadlines: Deadlines;
  readonly connectMs: number;
  readonly lines: Lines;
  readonly connector: Connector;
  /** In lower case. */
  readonly hosts: ReadonlySet<string>;
  /** The line of a head by which engines are shown their key, if they want one. */
  readonly authorization: string;
  /** There where requests go by prefix caches. */
  readonly prefixes?: PrefixTable | undefined;
  /** Called when nothing needs an instance any more that drains. */
  readonly becameIdle: () => void;
}
