import { expect, test } from "vitest";
import { CacheSize } from "./cache-size.ts";
import { readCache } from "./load.ts";
import { CACHE_WORDS, PrefixCache, PrefixTable } from "./prefix-cache.ts";
import { UNIT_BYTES } from "./prefixes.ts";

const TOKENS = 1_000_000;
const UNITS = Math.ceil((4 * TOKENS) / UNIT_BYTES);

function start() {
  const cache = new PrefixCache(new PrefixTable(PrefixTable.allocate(1024)), 0, new Int32Array(CACHE_WORDS));
  const size = new CacheSize(cache);
  let queries = 0;
  let hits = 0;
  let asked = 0;
  let cached = 0;
  /** So much was asked for, of which a part was thought to be there, and was there. */
  const round = (thought: number, found: number, tokens = 20_000) => {
    queries += tokens;
    hits += tokens * found;
    asked += tokens / 128;
    cached += (tokens / 128) * thought;
    size.hear({ tokens: TOKENS, queries, hits }, { asked, cached });
    return cache.capacity / UNITS;
  };
  size.hear({ tokens: TOKENS, queries: 0, hits: 0 }, { asked, cached });
  return { cache, size, round };
}

test("A cache is as large as its engine says while it finds what was expected.", () => {
  const { cache, round } = start();

  const sizes = [round(0.5, 0.5), round(0.52, 0.5), round(0, 0)];

  expect(cache.capacity).toBe(UNITS);
  expect(sizes).toEqual([1, 1, 1]);
});

test("One that finds less is taken for smaller, down to nearly nothing, one that finds more for larger, up to four times.", () => {
  const { round } = start();

  const less = Array.from({ length: 30 }, () => round(0.9, 0.1));
  const more = Array.from({ length: 60 }, () => round(0.1, 0.9));

  expect(less[0]).toBeCloseTo(0.8, 2);
  expect(less.at(-1)).toBeCloseTo(1 / 64, 2);
  expect(more.at(-1)).toBeCloseTo(4, 2);
});

test("Few tokens say nothing.", () => {
  const { round } = start();

  expect([round(1, 0, 5000), round(1, 0, 5000), round(1, 0, 5000)]).toEqual([1, 1, 1]);
  expect(round(1, 0, 5000)).toBeLessThan(1);
});

test("An engine that does not say its size is taken to have 262,144 tokens, and no count of hits changes that.", () => {
  const { cache, size } = start();

  size.hear(readCache(""), { asked: 10_000, cached: 10_000 });

  expect(cache.capacity).toBe((262_144 * 4) / UNIT_BYTES);
});

test.each([
  ["vllm:prefix_cache", "_total"],
  ["vllm:gpu_prefix_cache", "_total"],
  ["vllm:gpu_prefix_cache", ""],
])("Counts of %s…%s of all ranks are read, and none of external caches.", (name, suffix) => {
  const metrics = [
    `${name}_queries${suffix}{engine="0"} 100.0`,
    `${name}_queries${suffix}{engine="1"} 1e3`,
    `${name}_hits${suffix}{engine="0"} 7`,
    `vllm:external_prefix_cache_queries_total{engine="0"} 5`,
    `vllm:cache_config_info{block_size="128",num_gpu_blocks="1000"} 1.0`,
  ].join("\n");

  expect(readCache(metrics)).toEqual({ tokens: 128_000, queries: 1100, hits: 7 });
});
