import { expect, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { until } from "../testing/client.ts";
import { answerJson, type Script } from "../testing/engine.ts";
import { operator, startRig } from "../testing/rig.ts";

const told = (external: number, compute: number) =>
  [
    ["external_kv_transfer", external],
    ["local_cache_hit", 5],
    ["local_compute", compute],
  ]
    .map(
      ([source, value]) => `vllm:prompt_tokens_by_source_total{engine="0",source="${source}"} ${value}.0\n`,
    )
    .join("");

test("Decode that computes prompts itself is told of, in the log, the metrics and the state, until it does not.", async () => {
  const counts = { external: 0, compute: 0, lookedAt: 0 };
  const decode: Script = (call) => {
    counts.lookedAt++;
    answerJson(call, told(counts.external, counts.compute));
  };
  const one = await startRig(
    { decode: [decode] },
    {
      admin: [{ port: 0 }],
      metrics: { host: "127.0.0.1", port: 0 },
      asksForSources: true,
      health: { intervalMs: 10, timeoutMs: 20_000 },
    },
  );
  const metrics = async () => {
    const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
    return text
      .split("\n")
      .filter((line) => /^ascend_pd_instance_(?:prompt|transfer|computes).*decode-0/.test(line));
  };
  const saidOf = (computes: boolean) => one.events.find((event) => event.computesPrompts === computes);
  await until(() => counts.lookedAt > 0);

  counts.compute = 2000;
  await until(() => saidOf(true) !== undefined);

  expect(saidOf(true)).toMatchObject({ instance: "decode-0", transferShare: 0 });
  expect(await operator(one).stateOf("decode-0")).toMatchObject({ computesPrompts: true });
  expect(await metrics()).toContain(
    'ascend_pd_instance_computes_prompts{role="decode",pd_instance="decode-0"} 1',
  );

  await until(() => {
    counts.external += 1000;
    return saidOf(false) !== undefined;
  });

  expect(await metrics()).toContain(
    'ascend_pd_instance_computes_prompts{role="decode",pd_instance="decode-0"} 0',
  );
  expect((await metrics()).join("\n")).toContain(
    'ascend_pd_instance_prompt_tokens_total{role="decode",pd_instance="decode-0",source="local_compute"} 2000',
  );
});

test("Of an engine that does not count by source nothing is said.", async () => {
  let lookedAt = 0;
  const one = await startRig(
    {
      decode: [
        (call) => {
          lookedAt++;
          answerJson(call, "vllm:prompt_tokens_total 1000\n");
        },
      ],
    },
    {
      admin: [{ port: 0 }],
      metrics: { host: "127.0.0.1", port: 0 },
      asksForSources: true,
      health: { intervalMs: 10, timeoutMs: 20_000 },
    },
  );

  await until(() => lookedAt > 2);

  expect(await operator(one).stateOf("decode-0")).toMatchObject({
    transferShare: null,
    computesPrompts: false,
  });
  const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
  expect(text).not.toMatch(/^ascend_pd_instance_(?:prompt_tokens_total|transfer_share)\{/m);
});

test("Decode is asked where anybody is told, and not elsewhere.", () => {
  const asks = (...args: string[]) => {
    const reading = readConfig(["--port=9000", ...args], {
      GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testing/global.json",
      NODE_PORTS: "8088,8089",
    });
    return reading.kind === "config" ? reading.config.asksForSources : reading;
  };

  expect([asks(), asks("--metrics-port=1"), asks("--page-port=1"), asks("--admin-port=1")]).toEqual([
    false,
    true,
    true,
    true,
  ]);
});
