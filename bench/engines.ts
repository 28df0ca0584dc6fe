import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFolder } from "../test/engines/oracle.ts";
import { writeResults } from "../test/engines/report.ts";
import { MODEL, startEngine, startPair, startScheduler, stopAll } from "../test/engines/rig.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import type { Context } from "../toolchain/context.ts";
import { installedEngines } from "../toolchain/vllm/packages.ts";
import { type Spread, spread } from "./machine.ts";

// TTFT and time per token of real vLLM: one plain instance, a pair that is asked leg by leg without a scheduler, and the
// same pair through the scheduler, each prompt asked of all three in turn. Usage: see README.md in this folder.

const rounds = Number(process.argv[2] ?? 40);
const TOKENS = 64;
let prompts = 0;
const PROMPTS = { "100 tokens": 100, "1,500 tokens": 1500 };

type Body = Readonly<Record<string, unknown>>;
type Ask = (body: Body) => Promise<Times>;

/** Milliseconds to the first token, and between two of the further ones. */
interface Times {
  readonly ttft: number;
  readonly perToken: number;
}

const context: Context = { cacheDir: defaultCacheDir(), say: (line) => console.log(line) };
const venv = await installedEngines(context);
const model = await modelFolder(context, venv);
const logs = await mkdtemp(join(tmpdir(), "ascend-pd-bench-engines-"));
const place = { venv, model, logs };

console.log(`starting a plain instance, prefill, decode and the scheduler; their logs are in ${logs}`);
const plain = await startEngine("plain", place);
const pair = await startPair(place);
const scheduler = await startScheduler(".", pair, logs);
const ways: Readonly<Record<string, Ask>> = {
  "one instance": (body) => stream(plain.url, body),
  "the pair alone": async (body) => {
    const started = performance.now();
    const parameters = await prefilled(body);
    const handedOver = performance.now() - started;
    const { ttft, perToken } = await stream(pair.decode.url, { ...body, kv_transfer_params: parameters });
    return { ttft: handedOver + ttft, perToken };
  },
  "through the scheduler": (body) => stream(scheduler.url, body),
};

const latency: Record<string, unknown> = { rounds, tokens: TOKENS };
try {
  for (const [name, length] of Object.entries(PROMPTS)) {
    const times = await inTurn(length);
    const found = figures(times);
    latency[name] = found;
    for (const [way, { ttft, perToken }] of Object.entries(found))
      console.log(`${name}, ${way}: TTFT ${shown(ttft)} ms, ${shown(perToken)} ms a token`);
  }
} finally {
  await stopAll([scheduler, pair.prefill, pair.decode, plain]);
}
if (process.argv[2] === undefined) writeResults({ latency });
await rm(logs, { recursive: true });

/** Times of each way, those of one round at the same place. */
async function inTurn(length: number): Promise<Record<string, Times[]>> {
  const times = Object.fromEntries(Object.keys(ways).map((way): [string, Times[]] => [way, []]));
  // The first two are for what is made once.
  for (let round = -2; round < rounds; round++)
    for (const [way, ask] of Object.entries(ways)) {
      const one = await ask({
        model: MODEL,
        prompt: nextPrompt(length),
        max_tokens: TOKENS,
        ignore_eos: true,
        temperature: 0,
        stream: true,
        return_token_ids: true,
      });
      if (round >= 0) times[way]?.push(one);
    }
  return times;
}

/** Tokens that begin like no prompt before, so that none is cached. */
function nextPrompt(length: number): number[] {
  prompts += 1;
  return [
    300 + (prompts >> 4),
    300 + (prompts & 15),
    ...Array.from({ length: length - 2 }, (_, place) => 100 + (place % 200)),
  ];
}

function figures(times: Readonly<Record<string, readonly Times[]>>) {
  const rounded = (values: readonly number[]) => spread(values.map((value) => Number(value.toPrecision(3))));
  return Object.fromEntries(
    Object.entries(times).map(([way, all]) => [
      way,
      { ttft: rounded(all.map(({ ttft }) => ttft)), perToken: rounded(all.map(({ perToken }) => perToken)) },
    ]),
  );
}

function shown({ median, min, max }: Spread): string {
  return `${median} (${min}–${max})`;
}

/** Prefill's leg by hand: the parameters that decode fetches the KV cache by. */
async function prefilled(body: Body): Promise<unknown> {
  const answer = await post(pair.prefill.url, {
    ...body,
    max_tokens: 1,
    stream: false,
    kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
  });
  const { kv_transfer_params } = (await answer.json()) as { kv_transfer_params?: unknown };
  if (!kv_transfer_params) throw new Error("prefill gave no parameters");
  return kv_transfer_params;
}

async function stream(url: string, body: Body): Promise<Times> {
  const started = performance.now();
  const answer = await post(url, body);
  let [tokens, first, last] = [0, Number.NaN, Number.NaN];
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of answer.body ?? []) {
    const now = performance.now();
    text += decoder.decode(piece, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      // More than one where the engine was ahead.
      const ids = /"token_ids":\[([\d,]+)\]/.exec(event)?.[1];
      if (ids === undefined) continue;
      if (tokens === 0) first = now;
      last = now;
      tokens += ids.split(",").length;
    }
  }
  if (tokens !== TOKENS) throw new Error(`${url} answered ${tokens} tokens: see ${logs}`);
  return { ttft: first - started, perToken: (last - first) / (TOKENS - 1) };
}

async function post(url: string, body: Body): Promise<Response> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}
