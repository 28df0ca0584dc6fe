import { type CacheTold, KV_TOKENS } from "./load.ts";
import type { PrefixCache } from "./prefix-cache.ts";
import { unitsOf } from "./prefixes.ts";

/** Tokens that have to be asked for before what came of them says anything. */
const EVIDENCE_TOKENS = 16_384;
/** Parts of a prompt by which what was found may differ from what was expected. */
const TOLERANCE = 0.05;
const SCALE = { least: 1 / 64, most: 4, step: 1.25 } as const;
const BYTES_PER_TOKEN = 4;

/** Units of prompts that were sent to an instance, and those of them that it was thought to have. */
export interface Expected {
  readonly asked: number;
  readonly cached: number;
}

/**
 * How much of prompts the prefix cache of an instance holds: what it says of its KV cache, and less, or more, where it finds
 * less or more than was expected. It may need the room for what it runs, be used by others, have no prefix cache, and a token
 * may have other than four bytes.
 */
export class CacheSize {
  readonly #cache: PrefixCache;
  #scale = 1;
  #queries = 0;
  #since: { readonly told: CacheTold; readonly expected: Expected } | undefined;

  constructor(cache: PrefixCache) {
    this.#cache = cache;
  }

  /** `expected` as it was when the instance was asked. */
  hear(told: CacheTold, expected: Expected): void {
    // It counts from 0 again: it was started anew.
    if (told.queries < this.#queries) {
      this.#cache.clear();
      this.#since = undefined;
    }
    this.#queries = told.queries;
    this.#since ??= { told, expected };
    const queries = told.queries - this.#since.told.queries;
    if (queries >= EVIDENCE_TOKENS) {
      const found = (told.hits - this.#since.told.hits) / queries;
      const asked = expected.asked - this.#since.expected.asked;
      const thought = asked === 0 ? found : (expected.cached - this.#since.expected.cached) / asked;
      if (found < thought - TOLERANCE) this.#scale = Math.max(SCALE.least, this.#scale / SCALE.step);
      else if (found > thought + TOLERANCE) this.#scale = Math.min(SCALE.most, this.#scale * SCALE.step);
      this.#since = { told, expected };
    }
    const tokens = Number.isNaN(told.tokens) ? KV_TOKENS : told.tokens;
    this.#cache.capacity = unitsOf(tokens * this.#scale * BYTES_PER_TOKEN);
  }
}
