import { expect, test } from "vitest";
import { metric, post, scheduler, simulator } from "./testing/pd-processes.ts";

const STALL = "--stall-timeout=0.5";
const CLIENTS = 8;

test("An engine that is busy for long, and full, is not taken for one that stands still.", async () => {
  // Each plain answer takes four seconds without a byte, and nothing else gets into the batch meanwhile.
  const prefill = await simulator("prefill", ["--max-num-seqs=1", "--ttft-base-ms=200"]);
  const decode = await simulator("decode", ["--max-num-seqs=4", "--inter-token-ms=100"]);
  const started = await scheduler([prefill], [decode], { args: [STALL] });

  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, (_, index) =>
      post(`${started.url}/v1/completions`, `{"model":"sim","prompt":"${index}","max_tokens":20}`),
    ),
  );

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(started.output()).not.toContain('"stalled":true');
  // It was looked at: with a token, which then found no place.
  expect(await metric(decode, "vllm:request_success_total", 'finished_reason="abort"')).toBeGreaterThan(0);
});
