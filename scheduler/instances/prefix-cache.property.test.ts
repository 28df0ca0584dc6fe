import fc from "fast-check";
import { expect, test } from "vitest";
import { CACHE_WORDS, PrefixCache, PrefixTable } from "./prefix-cache.ts";
import { nextEnd, type Prefixes, prefixesOf, UNIT_BYTES, unitsOf } from "./prefixes.ts";

const ROOM = 2 ** 14;
const cacheOf = (table: PrefixTable, id: number, capacity: number) => {
  const cache = new PrefixCache(table, id, new Int32Array(CACHE_WORDS));
  cache.capacity = capacity;
  return cache;
};
const newTable = (buckets = ROOM) => new PrefixTable(PrefixTable.allocate(buckets));

/** Prompts that begin alike: each is a path in a tree of blocks. */
const path = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 });
const promptAt = (blocks: readonly number[]) =>
  prefixesOf([Buffer.concat(blocks.map((block) => Buffer.alloc(UNIT_BYTES, `block ${block} `)))]);
const use = fc.record({ id: fc.nat(2), blocks: path });

/** The same in the plainest way: what was used last stands last, and what does not fit goes from the front. */
class NaiveCache {
  readonly #used = new Map<string, number>();
  time = 0;

  use(blocks: readonly number[]): void {
    this.time++;
    for (let count = 1; count <= blocks.length; count++) {
      const prefix = blocks.slice(0, count).join();
      this.#used.delete(prefix);
      this.#used.set(prefix, this.time);
    }
  }

  matched(blocks: readonly number[]): number {
    let count = 0;
    while (count < blocks.length && this.#used.has(blocks.slice(0, count + 1).join())) count++;
    return count;
  }

  /** How many other prefixes have been used since the one was that ends the prompt. */
  age(blocks: readonly number[]): number {
    const time = this.#used.get(blocks.join());
    return time === undefined ? Infinity : [...this.#used.values()].filter((other) => other >= time).length;
  }
}

test("Without evictions each instance has what was sent to it, and nothing else.", () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 60 }), path, (uses, asked) => {
      const table = newTable();
      const caches = [0, 1, 2].map((id) => cacheOf(table, id, 2 ** 20));
      const naive = [0, 1, 2].map(() => new NaiveCache());

      for (const { id, blocks } of uses) {
        caches[id]?.use(promptAt(blocks));
        naive[id]?.use(blocks);
      }

      const found = caches.map((cache) => cache.matched(promptAt(asked)));
      expect(found).toEqual(naive.map((cache) => cache.matched(asked)));
    }),
  );
});

test("A full cache has what was used last, to a sixteenth of it and a prompt, and nothing that is older.", () => {
  const capacity = 48;
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 200 }), (prompts) => {
      const cache = cacheOf(newTable(), 7, capacity);
      const naive = new NaiveCache();
      for (const blocks of prompts) {
        cache.use(promptAt(blocks));
        naive.use(blocks);

        for (const seen of prompts) {
          const isHeld = cache.matched(promptAt(seen)) === seen.length;
          const age = naive.age(seen);
          // A period, and the prompt that goes beyond it, are dropped at once.
          if (age <= capacity - capacity / 16 - 12 - seen.length) expect(isHeld).toBe(true);
          if (age > capacity + 12) expect(isHeld).toBe(false);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("What is used again and again stays, however much comes and goes beside it.", () => {
  const cache = cacheOf(newTable(), 0, 160);
  const hot = promptAt([0, 1, 2, 0, 1, 2]);
  const once = (round: number) => prefixesOf([Buffer.alloc(4 * UNIT_BYTES, `once ${round} `)]);
  cache.use(hot);

  for (let round = 0; round < 500; round++) {
    cache.use(once(round));
    expect(cache.matched(hot)).toBe(6);
    cache.use(hot);
  }

  // Of 160 units the hot prompt has 6; a period and a prompt may be dropped with those that are too many.
  const held = Array.from({ length: 500 }, (_, round) => cache.matched(once(round)));
  expect(held.slice(0, 461)).toEqual(Array(461).fill(0));
  expect(held.slice(468)).toEqual(Array(32).fill(4));
});

test("A cache that was cleared has nothing, and what comes then.", () => {
  const cache = cacheOf(newTable(), 0, 1000);
  cache.use(promptAt([0, 1, 2]));

  cache.clear();
  const cleared = cache.matched(promptAt([0, 1, 2]));
  cache.use(promptAt([0, 1]));

  expect([cleared, cache.matched(promptAt([0, 1, 2]))]).toEqual([0, 2]);
});

test("A smaller cache forgets the oldest at once.", () => {
  const cache = cacheOf(newTable(), 0, 1600);
  for (let prompt = 0; prompt < 160; prompt++)
    cache.use(prefixesOf([Buffer.alloc(10 * UNIT_BYTES, `p${prompt} `)]));

  cache.capacity = 400;

  const held = Array.from({ length: 160 }, (_, prompt) =>
    cache.matched(prefixesOf([Buffer.alloc(10 * UNIT_BYTES, `p${prompt} `)])),
  );
  expect(held.slice(0, 120)).toEqual(Array(120).fill(0));
  expect(held.slice(130)).toEqual(Array(30).fill(10));
});

test("A table that is too small forgets, grows by nothing, and never takes one prompt for another.", () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 100 }), path, (uses, asked) => {
      const table = newTable(4);
      const size = table.memory.byteLength;
      const caches = [0, 1, 2].map((id) => cacheOf(table, id, 2 ** 20));
      const naive = [0, 1, 2].map(() => new NaiveCache());

      for (const { id, blocks } of uses) {
        caches[id]?.use(promptAt(blocks));
        naive[id]?.use(blocks);
      }

      caches.forEach((cache, id) => {
        // Halving may step over one that was forgotten, onto a longer one that was used as well.
        expect(cache.matched(promptAt(asked))).toBeLessThanOrEqual(naive[id]?.matched(asked) ?? 0);
      });
      expect(table.memory.byteLength).toBe(size);
    }),
  );
});

test("Two prompts have as many equal prefixes as ends before their first difference, however they are cut into parts.", () => {
  const size = fc.integer({ min: 1, max: 80_000 });
  fc.assert(
    fc.property(size, size, fc.nat(79_999), fc.nat(79_999), (length, other, differs, cut) => {
      const bytes = (count: number) => Buffer.alloc(count, "what all prompts begin with, and go on ");
      const [one, two] = [bytes(length), bytes(other)];
      if (differs < other) two[differs] = 1;

      const [a, b] = [prefixesOf([one]), prefixesOf([two])];
      const parts = prefixesOf([one.subarray(0, cut), one.subarray(cut)]);

      const common = differs < other ? Math.min(differs, length) : Math.min(length, other);
      let expected = 0;
      for (let end = UNIT_BYTES; end <= common; end = nextEnd(end)) expected++;
      let equal = 0;
      const isEqual = (word: number) => a.hashes[word] === b.hashes[word];
      const limit = Math.min(a.hashes.length, b.hashes.length) / 2;
      while (equal < limit && isEqual(2 * equal) && isEqual(2 * equal + 1)) equal++;
      expect(equal).toBe(expected);
      expect(parts.hashes.length).toBe(a.hashes.length);
      expect(a.bytes).toBe(length);
    }),
    { numRuns: 300 },
  );
});

test("A prompt of 8 MiB has some hundred prefixes, which end at most 1/32 behind one another.", () => {
  const { hashes }: Prefixes = prefixesOf([Buffer.alloc(8 * 1024 * 1024, "long ")]);
  let end = UNIT_BYTES;
  for (let index = 1; 2 * index < hashes.length; index++) {
    expect((nextEnd(end) - end) / end).toBeLessThanOrEqual(end < 2 ** 15 ? 1 : 1 / 32);
    end = nextEnd(end);
  }

  expect(hashes.length / 2).toBeLessThan(400);
  expect(unitsOf(end) * UNIT_BYTES).toBe(end);
});
