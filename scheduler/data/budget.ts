import { Party } from "./party.ts";

/** There is no room: for anybody, or for this client, which has its share. */
export class NoRoom extends Error {
  readonly whose: "all" | "client";
  readonly what: string;

  constructor(whose: "all" | "client", what: string) {
    super(`no room for more ${what}`);
    this.whose = whose;
    this.what = what;
  }
}

/** How much of something there is for all, and for one client. */
export interface Most {
  readonly all: number;
  readonly client: number;
}

/** One client, whatever its connections: an address. */
export interface Client {
  connections: number;
  /** Of memory that its requests and their answers take. */
  bytes: number;
  readonly party: Party;
}

export function newClient(): Client {
  return { connections: 0, bytes: 0, party: new Party() };
}

/** Bytes that all requests and answers may take together. */
export class Budget {
  readonly #most: Most;
  /** Of those whose client does not read, the first one for longest. */
  readonly #stalled = new Set<Hold>();
  readonly #used: Float64Array<ArrayBufferLike>;

  /** `used` is memory for one number, which others may read. */
  constructor(most: Most, used: Float64Array<ArrayBufferLike> = new Float64Array(1)) {
    this.#most = most;
    this.#used = used;
  }

  get used(): number {
    return this.#used[0] ?? 0;
  }

  /** Counts `by` more bytes of `client`. Who does not read gives way to who does. Throws NoRoom. */
  take(client: Client, by: number): void {
    if (this.used + by > this.#most.all || client.bytes + by > this.#most.client) this.#makeRoom(client, by);
    this.#used[0] = this.used + by;
    client.bytes += by;
  }

  #makeRoom(client: Client, by: number): void {
    const { all, client: share } = this.#most;
    if (this.used + by > all) this.#evict(() => this.used + by > all);
    if (this.used + by > all) throw new NoRoom("all", "bytes");
    if (client.bytes + by > share) this.#evict((hold) => hold.client === client && client.bytes + by > share);
    if (client.bytes + by > share) throw new NoRoom("client", "bytes");
  }

  give(client: Client, by: number): void {
    this.#used[0] = this.used - by;
    client.bytes -= by;
  }

  /** Its client has stopped to read, or reads again. */
  note(hold: Hold, isStalled: boolean): void {
    if (isStalled) this.#stalled.add(hold);
    else this.#stalled.delete(hold);
  }

  #evict(isWanted: (hold: Hold) => boolean): void {
    for (const hold of this.#stalled) if (isWanted(hold)) hold.evict();
  }
}

/** What something keeps in memory for a client. What it is told after `clear` does not count: its memory is gone. */
export class Hold {
  readonly client: Client;
  readonly #budget: Budget;
  readonly #evicted: (() => void) | undefined;
  #bytes = 0;
  #isStalled = false;
  #over = false;

  /** `evicted` ends what it is for, when it is stalled and others need the room. */
  constructor(budget: Budget, client: Client, evicted?: () => void) {
    this.#budget = budget;
    this.client = client;
    this.#evicted = evicted;
  }

  /** Takes, or gives back, so many bytes. Throws NoRoom, and then has what it had. */
  move(by: number): void {
    if (this.#over || by === 0) return;
    if (by > 0) this.#budget.take(this.client, by);
    else this.#budget.give(this.client, -by);
    this.#bytes += by;
  }

  set stalled(is: boolean) {
    if (this.#over || is === this.#isStalled) return;
    this.#isStalled = is;
    this.#budget.note(this, is);
  }

  evict(): void {
    this.clear();
    this.#evicted?.();
  }

  clear(): void {
    if (this.#over) return;
    this.stalled = false;
    this.move(-this.#bytes);
    this.#over = true;
  }
}
