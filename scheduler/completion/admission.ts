import { NoRoom } from "../data/budget.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Party, Waiting } from "../data/party.ts";
import type { StopSignal } from "../engine/stop-signal.ts";
import type { Failure } from "../errors.ts";

/** Other threads end requests too, and instances become ready: who waits is looked at this often. */
const LOOK_MS = 100;

/** How many requests prefill, and decode, may have at a time: it changes with the instances that are ready. */
export interface Capacity {
  readonly prefill: number;
  readonly decode: number;
}

interface Limits {
  /** Requests that run or wait. */
  readonly requests: number;
  /** Requests of one client that wait. */
  readonly share: number;
  /** How long one may wait. */
  readonly waitMs: number;
  /** Told how many wait. */
  readonly noted?: (waiting: number) => void;
}

/** What a request takes of the capacity, until it gives it back. */
export class Turn {
  readonly party: Party;
  readonly weight: number;
  atPrefill: number;
  readonly #admission: Admission;

  constructor(admission: Admission, party: Party, weight: number, prefills: boolean) {
    this.#admission = admission;
    this.party = party;
    this.weight = weight;
    this.atPrefill = prefills ? weight : 0;
  }

  /** Its prompts are computed. */
  prefilled(): void {
    this.#admission.prefilled(this);
  }

  end(): void {
    this.#admission.end(this);
  }
}

/**
 * Who is next when there is more to do than instances can. Decode's place is taken before prefill begins: between the
 * two nothing may wait, as prefill keeps the KV cache for a while only.
 *
 * The turn is that of the party with the least running for its share, of those of the first priority. Of its requests the newest is next: its client still waits, and can
 * be answered fast; in order, all would be answered when they have waited as long as they may.
 */
export class Admission {
  readonly #deadlines: Deadlines;
  readonly #limits: Limits;
  readonly #capacity: Capacity;
  /** Those of whom requests wait. */
  readonly #parties: Party[] = [];
  #atPrefill = 0;
  #atDecode = 0;
  #served = 0;
  #isLooking = false;
  running = 0;
  waiting = 0;

  constructor(deadlines: Deadlines, limits: Limits, capacity: Capacity) {
    this.#deadlines = deadlines;
    this.#limits = limits;
    this.#capacity = capacity;
  }

  /**
   * A turn for a request with `weight` pairs of legs at a time, of which prefill has a part where it `prefills`: now, or when
   * there is one. Throws, or rejects with, NoRoom, or why `stop` says that it has to end.
   */
  enter(party: Party, weight: number, prefills: boolean, stop: StopSignal): Turn | Promise<Turn> {
    if (this.waiting === 0 && this.#hasRoom(prefills)) return this.#turn(party, weight, prefills);
    return this.#wait(party, weight, prefills, stop);
  }

  #wait(party: Party, weight: number, prefills: boolean, stop: StopSignal): Promise<Turn> {
    if (stop.failure !== undefined) throw stop.failure;
    if (party.waiting.length >= this.#limits.share) refuseOldest(party, new NoRoom("client", "requests"));
    if (this.running + this.waiting >= this.#limits.requests) this.#giveWay(party);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        party,
        weight,
        prefills,
        admit: () => {
          this.#leave(waiting);
          limit.clear();
          resolve(this.#turn(party, weight, prefills));
        },
        refuse: (failure) => {
          if (!party.waiting.includes(waiting)) return;
          this.#leave(waiting);
          limit.clear();
          reject(failure);
        },
      };
      const limit = this.#deadlines.arm(this.#limits.waitMs, () =>
        waiting.refuse(new NoRoom("all", "requests for now")),
      );
      stop.listen({ abort: (failure: Failure) => waiting.refuse(failure) });
      if (party.waiting.push(waiting) === 1) this.#parties.push(party);
      this.#count(1);
      this.#lookSoon();
    });
  }

  #hasRoom(prefills: boolean): boolean {
    if (this.running >= this.#limits.requests) return false;
    return this.#atDecode < this.#capacity.decode && (!prefills || this.#atPrefill < this.#capacity.prefill);
  }

  #turn(party: Party, weight: number, prefills: boolean): Turn {
    this.running++;
    party.running += weight;
    party.servedAt = ++this.#served;
    this.#atDecode += weight;
    const turn = new Turn(this, party, weight, prefills);
    this.#atPrefill += turn.atPrefill;
    return turn;
  }

  prefilled(turn: Turn): void {
    this.#atPrefill -= turn.atPrefill;
    turn.atPrefill = 0;
    this.#look();
  }

  end(turn: Turn): void {
    this.running--;
    turn.party.running -= turn.weight;
    this.#atDecode -= turn.weight;
    this.prefilled(turn);
  }

  /** Gives turns to those who wait, as long as there is room. */
  #look(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next.admit();
  }

  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#deadlines.arm(LOOK_MS, () => {
      this.#isLooking = false;
      this.#look();
      if (this.waiting > 0) this.#lookSoon();
    });
  }

  #next(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const { waiting } of this.#parties) {
      const newest = waiting.at(-1);
      if (newest === undefined || !this.#hasRoom(newest.prefills)) continue;
      if (best === undefined || isBefore(newest.party, best.party)) best = newest;
    }
    return best;
  }

  /** Room for one more of `party`, at the cost of the last in turn. Throws NoRoom where none waits that is not before it. */
  #giveWay(party: Party): void {
    const [first, ...others] = this.#parties;
    const last = others.reduce((one, other) => (one && isBehind(other, one) ? other : one), first);
    if (last === undefined || last.priority < party.priority) throw new NoRoom("all", "requests");
    refuseOldest(last, new NoRoom("all", "requests"));
  }

  #count(by: number): void {
    this.waiting += by;
    this.#limits.noted?.(this.waiting);
  }

  #leave(waiting: Waiting): void {
    const { party } = waiting;
    party.waiting.splice(party.waiting.indexOf(waiting), 1);
    this.#count(-1);
    if (party.waiting.length === 0) this.#parties.splice(this.#parties.indexOf(party), 1);
  }
}

/** The one that has waited for longest has the least hope. */
function refuseOldest({ waiting: [oldest] }: Party, failure: NoRoom): void {
  if (oldest === undefined) throw failure;
  oldest.refuse(failure);
}

function isBefore(one: Party, other: Party): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  const [mine, theirs] = [one.running * other.share, other.running * one.share];
  return mine === theirs ? one.servedAt < other.servedAt : mine < theirs;
}

/** Whether it has more that waits, of what is due to it. */
function isBehind(one: Party, other: Party): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.waiting.length * other.share > other.waiting.length * one.share;
}
