import { expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import { metric, type Program, post, scheduler, simulator, until } from "./testing/pd-processes.ts";

/** How many prompts each instance has computed. */
function computed(instances: readonly Program[]): Promise<number[]> {
  return Promise.all(instances.map((one) => metric(one, "vllm:request_success_total", '"length"')));
}

async function completions({ url }: Program, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const body = `{"model":"sim","prompt":"Question ${index}","max_tokens":4}`;
    const answer = await post(`${url}/v1/completions`, body);
    expect(JSON.parse(await answer.text()).choices[0].text).toBe(expectedText(body, 4));
  }
}

/** Resolves when every prefill instance has told its load. */
async function toldLoads(front: Program): Promise<void> {
  const port = /^administration on \S+:(\d+)$/m.exec(front.output())?.[1];
  await until(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/state`);
    const { instances } = (await answer.json()) as { instances: { role: string; load: unknown }[] };
    return instances.every(({ role, load }) => role === "decode" || load !== null);
  });
}

/** More than are sent between two answers about the load: those count as queued too. */
const QUEUED = 8;
const POLICIES = ["RoundRobin", "BLB", "FreeKVFirst"] as const;

test.for(POLICIES)("%s among real engines, of which one has a queue and a full KV cache.", async (policy) => {
  const slow = ["--max-num-seqs=1", "--ttft-base-ms=600000", "--kv-blocks=600"];
  const [busy, idle] = [await simulator("prefill", slow), await simulator("prefill", ["--kv-blocks=600"])];
  const decode = await simulator("decode");
  for (let i = 0; i <= QUEUED; i++) {
    const prompt = "word ".repeat(3900);
    void post(`${busy.url}/v1/completions`, JSON.stringify({ prompt })).catch(() => {});
  }
  await until(async () => (await metric(busy, "vllm:num_requests_waiting")) === QUEUED);
  const front = await scheduler([busy, idle], [decode], {
    args: [`--prefill-routing-policy=${policy}`, "--admin-port=0"],
  });
  if (policy !== "RoundRobin") await toldLoads(front);

  const sent = completions(front, 3);
  if (policy === "RoundRobin") {
    sent.catch(() => {});
    await until(async () => (await metric(busy, "vllm:num_requests_waiting")) === QUEUED + 1);
  } else {
    await sent;
    expect(await computed([busy, idle])).toEqual([0, 3]);
    expect(front.output()).not.toContain("requests in flight decide");
  }
});

test("FreeKVFirst prefers a large half-full KV cache to a small empty one.", async () => {
  const small = await simulator("prefill", ["--kv-blocks=300"]);
  const large = await simulator("prefill", ["--kv-blocks=2000"]);
  const decode = await simulator("decode");
  // None has a block that another one has.
  const kept = (own: number) =>
    JSON.stringify({
      prompt: `${own} `.repeat(4000),
      max_tokens: 1,
      kv_transfer_params: { do_remote_decode: true },
    });
  for (let i = 0; i < 4; i++) await post(`${large.url}/v1/completions`, kept(i));
  expect(await metric(large, "vllm:kv_cache_usage_perc")).toBeGreaterThan(0.5);
  const before = await computed([small, large]);
  const front = await scheduler([small, large], [decode], {
    args: ["--prefill-routing-policy=FreeKVFirst", "--admin-port=0"],
  });
  await toldLoads(front);

  await completions(front, 4);

  expect(before).toEqual([0, 4]);
  expect(await computed([small, large])).toEqual([0, 8]);
});

test("affinity: of prompts that begin alike real engines compute the beginning once, as their metrics say.", async () => {
  const prefill = [await simulator("prefill"), await simulator("prefill")];
  const decode = [await simulator("decode"), await simulator("decode")];
  const front = await scheduler(prefill, decode, {
    args: ["--prefill-routing-policy=affinity", "--admin-port=0"],
  });
  await toldLoads(front);
  const groups = 4;
  const rounds = 5;
  const size = 1600;

  for (let round = 0; round < rounds; round++)
    for (let group = 0; group < groups; group++) {
      const body = `{"model":"sim","prompt":"${`g${group} `.repeat(size)} own ${round}","max_tokens":4}`;
      const answer = await post(`${front.url}/v1/completions`, body);
      expect(JSON.parse(await answer.text()).choices[0].text).toBe(expectedText(body, 4));
    }

  const hits = await Promise.all(prefill.map((one) => metric(one, "vllm:prefix_cache_hits_total")));
  const [one = 0, other = 0] = await computed(prefill);
  expect(one + other).toBe(groups * rounds);
  expect(hits.reduce((sum, its) => sum + its)).toBe(groups * (rounds - 1) * size);
  expect([one, other]).toEqual([10, 10]);
});
