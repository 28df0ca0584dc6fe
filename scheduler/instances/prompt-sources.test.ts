import { expect, test } from "vitest";
import { type PromptSources, PromptWatch, readSources } from "./prompt-sources.ts";

const line = (source: string, value: string, engine = 0) =>
  `vllm:prompt_tokens_by_source_total{engine="${engine}",model_name="m",source="${source}"} ${value}`;

test("What metrics say of prompts is read, of all ranks, and nothing else of a like name.", () => {
  const metrics = [
    "# TYPE vllm:prompt_tokens_by_source counter",
    line("external_kv_transfer", "900.0"),
    line("external_kv_transfer", "1e2", 1),
    line("local_cache_hit", "5.0"),
    line("local_compute", "7.0"),
    line("other", "1000.0"),
    'vllm:prompt_tokens_by_source_created{engine="0",source="local_compute"} 1.7e9',
    'vllm:prompt_tokens_total{engine="0"} 1000',
  ].join("\n");

  expect(readSources(metrics)).toEqual({ external_kv_transfer: 1000, local_cache_hit: 5, local_compute: 7 });
});

test("An engine that does not tell tells nothing, which is not 0.", () => {
  expect(readSources('vllm:prompt_tokens_total{engine="0"} 1000\n')).toBeUndefined();
});

const told = (external: number, compute: number, cached = 0): PromptSources => ({
  external_kv_transfer: external,
  local_compute: compute,
  local_cache_hit: cached,
});

function watching(...looks: (PromptSources | undefined)[]): PromptWatch {
  const watch = new PromptWatch();
  for (const look of looks) watch.look(look);
  return watch;
}

test("The share is of what came since the first look, and what was cached does not count.", () => {
  expect(watching(told(0, 5000), told(990, 5010, 9000)).share).toBe(0.99);
});

test("Where nothing came there is no share.", () => {
  expect(watching(told(10, 10), told(10, 10)).share).toBeNaN();
  expect(watching(undefined).share).toBeNaN();
});

test("Decode that computes most of its prompts does so until enough was transferred.", () => {
  const watch = watching(told(0, 0), told(100, 2000));
  expect(watch.computes).toBe(true);

  // While nothing comes nothing is known that is new.
  for (let at = 0; at < 10; at++) watch.look(told(100, 2000));
  expect(watch.computes).toBe(true);

  watch.look(told(3000, 2010));
  expect(watch.computes).toBe(false);
});

test("A few short prompts tell nothing.", () => {
  expect(watching(told(0, 0), told(0, 999)).computes).toBe(false);
});

test("An engine that was started anew is looked at anew.", () => {
  const watch = watching(told(5000, 5000), told(10, 0), told(2010, 20));

  expect(watch.share).toBeCloseTo(2000 / 2020);
});
