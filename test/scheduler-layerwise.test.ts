import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectedText, expectedTexts } from "../simulator/oracle.ts";
import {
  metric,
  type Program,
  post,
  program,
  readiness,
  scheduler,
  simulator,
  streamedText,
  temporaryFolder,
  until,
} from "./testing/pd-processes.ts";
import { rankTable } from "./testing/rank-table.ts";

/*
 * Decode first, and prefill pushes: vllm-ascend's MooncakeLayerwiseConnector, between processes. And data-parallel ranks.
 */

const CONNECTOR = "--kv-connector=MooncakeLayerwiseConnector";

async function layerwise(
  instances: number,
  args: readonly string[] = [],
  ofInstances: readonly string[] = [],
) {
  const several = (role: "prefill" | "decode") =>
    Promise.all(Array.from({ length: instances }, () => simulator(role, [CONNECTOR, ...ofInstances])));
  const [prefill, decode] = await Promise.all([several("prefill"), several("decode")]);
  const metaserver = ["--metaserver-host=127.0.0.1", "--metaserver-port=0"];
  return {
    prefill,
    decode,
    front: await scheduler(prefill, decode, { args: [CONNECTOR, ...metaserver, ...args] }),
  };
}

const sum = async (programs: readonly Program[], name: string) =>
  (await Promise.all(programs.map((one) => metric(one, name)))).reduce((total, one) => total + one, 0);

test("Every answer is exact, whatever is asked and whichever worker decode has to tell, and decode computes no prompt.", async () => {
  const { prefill, decode, front } = await layerwise(2, ["--workers=3"]);
  const one = (n: number) =>
    `{"model":"sim","prompt":"Number ${n}","seed":9007199254740993,"max_tokens":6,"stream":true}`;
  const several = '{"model":"sim","prompt":["a b","c"],"n":2,"seed":5,"max_tokens":4}';
  const chat = '{"model":"sim","messages":[{"role":"user","content":"Hi"}],"max_tokens":3}';

  const streams = await Promise.all(
    Array.from({ length: 60 }, async (_, n) =>
      streamedText(await (await post(`${front.url}/v1/completions`, one(n))).text()),
    ),
  );
  const { choices } = (await (await post(`${front.url}/v1/completions`, several)).json()) as {
    choices: { text: string }[];
  };
  const others = await Promise.all(
    ["/v1/chat/completions", "/v1/messages"].map((path) => post(`${front.url}${path}`, chat)),
  );

  expect(streams).toEqual(streams.map((_, n) => expectedText(one(n), 6)));
  expect(choices.map(({ text }) => text)).toEqual(expectedTexts(several, 4));
  expect(others.map(({ status }) => status)).toEqual([200, 200]);
  expect(await sum(decode, "simulator:recomputed_total")).toBe(0);
  expect(await sum([...prefill, ...decode], "vllm:kv_cache_usage_perc")).toBe(0);
});

test("Of 100 clients that leave while prefill works nothing stays taken on decode.", async () => {
  const { prefill, decode, front } = await layerwise(1, ["--health-interval=600", "--stall-timeout=600"]);
  const [p, d] = [prefill[0] as Program, decode[0] as Program];
  const leaving = new AbortController();
  p.child.kill("SIGSTOP");
  const asked = Array.from({ length: 100 }, (_, n) =>
    post(`${front.url}/v1/completions`, `{"model":"sim","prompt":"${n}","stream":true}`, {
      signal: leaving.signal,
    }).catch(() => {}),
  );
  await until(async () => (await metric(d, "vllm:num_requests_running")) === 100);

  leaving.abort();
  await Promise.all(asked);
  await until(async () => (await metric(d, "vllm:num_requests_running")) === 0);
  const before = await metric(d, "vllm:kv_cache_usage_perc");
  p.child.kill("SIGCONT");

  expect(before).toBeGreaterThan(0);
  await until(async () => (await metric(d, "vllm:kv_cache_usage_perc")) === 0);
  const after = await post(`${front.url}/v1/completions`, '{"model":"sim","prompt":"x","max_tokens":2}');
  expect(after.status).toBe(200);
});

test("A prefill instance that is killed while it works ends its requests on decode within a second.", async () => {
  const { prefill, decode, front } = await layerwise(1, [], ["--ttft-base-ms=60000"]);
  const [p, d] = [prefill[0] as Program, decode[0] as Program];
  const asked = post(`${front.url}/v1/completions`, '{"model":"sim","prompt":"x","stream":true}');
  await until(async () => (await metric(p, "vllm:num_requests_running")) === 1);

  p.child.kill("SIGKILL");
  const killedAt = performance.now();
  const { status } = await asked;
  await until(async () => (await metric(d, "vllm:num_requests_running")) === 0);

  expect(performance.now() - killedAt).toBeLessThan(1000);
  expect(status).toBe(503);
});

test.for([
  ["NixlConnector", []],
  ["MooncakeLayerwiseConnector", ["--metaserver-host=127.0.0.1", "--metaserver-port=0"]],
] as const)(
  "With %s the ranks behind a port share the work, and every answer is exact.",
  async ([name, args]) => {
    const connector = `--kv-connector=${name}`;
    const ofInstances = [connector, "--data-parallel-size=2"];
    const [p, d] = [await simulator("prefill", ofInstances), await simulator("decode", ofInstances)];
    const sizes = ["--prefill-data-parallel-size=2", "--decode-data-parallel-size=2"];
    const front = await rankedScheduler(p, d, [connector, ...sizes, ...args]);
    const body = (n: number) => `{"model":"sim","prompt":"Number ${n}","max_tokens":4,"stream":true}`;

    const texts: string[] = [];
    for (let n = 0; n < 8; n++)
      texts.push(streamedText(await (await post(`${front.url}/v1/completions`, body(n))).text()));

    expect(texts).toEqual(texts.map((_, n) => expectedText(body(n), 4)));
    const finished = (of: Program, rank: number) =>
      metric(of, "vllm:request_success_total", `engine="${rank}",finished_reason="length"`);
    expect([await finished(p, 0), await finished(p, 1)]).toEqual([4, 4]);
    expect([await finished(d, 0), await finished(d, 1)]).toEqual([4, 4]);
  },
);

/** `scheduler` waits for as many instances as there are ports. */
async function rankedScheduler(prefill: Program, decode: Program, args: readonly string[]): Promise<Program> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "global.json"), rankTable(1, 1));
  const front = await program("scheduler/main.ts", ["--port=0", "--health-interval=0.1", ...args], {
    GLOBAL_RANK_TABLE_FILE_PATH: join(folder, "global.json"),
    NODE_PORTS: `${prefill.port},${decode.port}`,
  });
  await until(async () => {
    const ready = await readiness(front);
    return ready.prefill === 2 && ready.decode === 2;
  });
  return front;
}
