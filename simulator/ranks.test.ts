import { expect, test } from "vitest";
import { members } from "./json.ts";
import { post, sample, start, until } from "./testing/client.ts";

const headers = (rank?: string) => ({
  "Content-Type": "application/json",
  ...(rank === undefined ? {} : { "X-data-parallel-rank": rank }),
});

const ask = (url: string, rank?: string, fields = '"max_tokens":1', path = "/v1/completions") =>
  post(`${url}${path}`, `{"model":"sim","prompt":"x","messages":[{"role":"user","content":"x"}],${fields}}`, {
    headers: headers(rank),
  });

test.for([
  { rank: "0", asked: [1, 0, 0] },
  { rank: "2", asked: [0, 0, 1] },
  { rank: " +1", asked: [0, 1, 0] },
  // Python's `int` takes it, and nothing else that is no number.
  { rank: "0_2", asked: [0, 0, 1] },
])("The header $rank names a rank.", async ({ rank, asked }) => {
  const one = await start({ dataParallelSize: 3 });

  const answers = await Promise.all(
    ["/v1/completions", "/v1/chat/completions", "/v1/messages"].map((path) =>
      ask(one.url, rank, '"max_tokens":1', path),
    ),
  );

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(one.engines.map(({ counters }) => counters.finished.length / 3)).toEqual(asked);
});

test.for([
  { rank: "3", size: 3, range: "3 is out of range [0, 3)" },
  { rank: "-1", size: 3, range: "-1 is out of range [0, 3)" },
  { rank: "1", size: 1, range: "1 is out of range [0, 1)" },
])("A rank of $rank among $size is refused as vLLM refuses it.", async ({ rank, size, range }) => {
  const one = await start({ dataParallelSize: size });

  const answer = await ask(one.url, rank);

  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    error: { message: `data_parallel_rank ${range}.`, type: "BadRequestError", code: 400 },
  });
});

test.for([undefined, "", "x", "1.0", "1 2"])(
  "With %j for a header the rank with the least to do is next.",
  async (rank) => {
    const one = await start({ dataParallelSize: 2, interTokenMs: 60_000 });
    const leaving = new AbortController();
    const busy = ask(one.url, "0", '"max_tokens":9').catch(() => {});
    await until(() => one.engines[0]?.gauges.running === 1);

    const answer = await ask(one.url, rank);

    expect(answer.status).toBe(200);
    expect(one.engines[1]?.counters.finished.length).toBe(1);
    leaving.abort();
    await one.close(0);
    await busy;
  },
);

test("Decode finds a KV cache in whichever rank of prefill has it.", async () => {
  const p = await start({ dataParallelSize: 3 });
  const d = await start({ role: "decode", dataParallelSize: 2 });
  const keep = '"max_tokens":1,"kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false}';

  const text = await (await ask(p.url, "2", keep)).text();
  const answer = await ask(
    d.url,
    "1",
    `"max_tokens":3,"kv_transfer_params":${members(text).get("kv_transfer_params")}`,
  );

  expect(answer.status).toBe(200);
  expect(p.engines.map(({ gauges }) => gauges.kvBlocksUsed)).toEqual([0, 0, 0]);
  expect(d.engines.map(({ counters }) => counters.pulled.ok)).toEqual([0, 1]);
});

test("The metrics tell the ranks apart.", async () => {
  const one = await start({ dataParallelSize: 2 });
  await ask(one.url, "1");

  const metrics = await (await fetch(`${one.url}/metrics`)).text();

  const tokens = (rank: number) =>
    sample(metrics, `vllm:generation_tokens_total{model_name="sim",engine="${rank}"}`);
  expect([tokens(0), tokens(1)]).toEqual([0, 1]);
  expect(metrics.match(/^# TYPE vllm:generation_tokens_total/gm)).toHaveLength(1);
});
