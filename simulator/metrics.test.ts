import { expect, test } from "vitest";
import { Counters, renderMetrics } from "./metrics.ts";

const gauges = { running: 2, waiting: 3, kvBlocks: 8, kvBlocksUsed: 2, kvBlocksLeased: 1 };

function lines(counters: Counters, servedModelName = "sim"): string[] {
  return renderMetrics({ servedModelName, blockSize: 16 }, [{ gauges, counters }]).trimEnd().split("\n");
}

test("The time to first token is a cumulative histogram in seconds.", () => {
  const counters = new Counters();
  for (const seconds of [0.25, 0.05, 5000]) counters.observeTtft(seconds);

  const text = lines(counters).filter((line) => line.startsWith("vllm:time_to_first_token_seconds"));
  const value = (part: string) =>
    text
      .find((line) => line.includes(part))
      ?.split(" ")
      .at(-1);

  expect(["0.04", "0.06", "0.1", "0.25", "2560", "+Inf"].map((le) => value(`le="${le}"`))).toEqual([
    "0",
    "1",
    "1",
    "2",
    "2",
    "3",
  ]);
  expect([value("_sum"), value("_count")]).toEqual(["5000.3", "3"]);
});

test("The KV cache's use is a fraction, under its old and its new name.", () => {
  const text = lines(new Counters());

  expect(text).toContain(`vllm:kv_cache_usage_perc{model_name="sim",engine="0"} 0.25`);
  expect(text).toContain(`vllm:gpu_cache_usage_perc{model_name="sim",engine="0"} 0.25`);
  expect(text).toContain(`vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="8"} 1`);
});

test("Every line is a comment or a sample of Prometheus, whatever the model is called.", () => {
  const form = /^(# (HELP|TYPE) [a-z_:]+ .+|[a-z_:]+\{([a-z_]+="([^"\\]|\\.)*",?)+\} [0-9.e+-]+)$/;

  expect(lines(new Counters(), 'a"b\\c\nd').filter((line) => !form.test(line))).toEqual([]);
});
