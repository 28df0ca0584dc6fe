import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canariesPass } from "./canaries.ts";
import { ids } from "./cases.ts";
import { since } from "./compare.ts";
import { counts } from "./engine-metrics.ts";
import { CLIENTS, leaving, leavingAnyhow } from "./leaving.ts";
import {
  ANSWER_TOKENS,
  ask,
  measured,
  PROMPT_TOKENS,
  type Proof,
  type Rig,
  unequal,
  when,
} from "./proving.ts";
import { type Place, startEngine, startPair, startScheduler, stopAll } from "./rig.ts";
import { storedResponses } from "./stored.ts";

/*
 * What no comparison of answers shows: that prefill only prefilled and decode computed no prompt, that what a client
 * leaves behind is freed, and that a killed engine which is started again serves as before.
 */

const PROOFS: Readonly<Record<string, (rig: Rig, checkout: string) => Promise<Proof>>> = {
  "only decode generates, from what it fetches": handedOver,
  "responses are stored and cancelled where they are": storedResponses,
  "clients leave while decode generates": (rig) =>
    leaving(rig, { prompt: 100, tokens: 1900 }, (clients) => Promise.all(clients.map(({ begun }) => begun))),
  "clients leave while prefill computes": (rig) =>
    leaving(rig, { prompt: 1800, tokens: 100 }, () =>
      when(async () => (await counts(rig.prefill.url)).requests >= CLIENTS / 2),
    ),
  "clients leave at any moment": leavingAnyhow,
  "a pair that works passes its canaries": canariesPass,
  "decode is killed": (rig) => killed(rig, "decode"),
  "prefill is killed": (rig) => killed(rig, "prefill"),
};

export async function proveAll(place: Place, checkout: string): Promise<Record<string, Proof>> {
  const pair = await startPair(place);
  const scheduler = await startScheduler(resolve(checkout), pair, place.logs);
  const rig: Rig = { ...pair, place, scheduler };
  const all: Record<string, Proof> = {};
  try {
    for (const [name, prove] of Object.entries(PROOFS)) {
      const proof = await prove(rig, resolve(checkout));
      all[name] = proof;
      console.log([`${name}: ${JSON.stringify(proof.figures)}`, ...proof.wrong].join("\n    WRONG: "));
    }
  } finally {
    await stopAll([scheduler, rig.prefill, rig.decode]);
  }
  return all;
}

const REQUESTS = 20;
/** Layers, keys and values, heads, width, bytes of a number: what model.py makes. */
const BYTES_PER_TOKEN = 2 * 2 * 2 * 32 * 4;

async function handedOver(rig: Rig): Promise<Proof> {
  const before = await measured(rig);

  for (let index = 0; index < REQUESTS; index++) {
    const prompt = ids(`handed over ${index}`, PROMPT_TOKENS);
    const status = await ask(rig, { prompt, max_tokens: ANSWER_TOKENS });
    if (status !== 200) return { figures: { status }, wrong: ["a request failed"] };
  }

  // Engines tell of the last steps a moment later.
  await sleep(1000);
  const after = await measured(rig);
  const prefill = since(before.prefill.promptTokens, after.prefill.promptTokens);
  const decode = since(before.decode.promptTokens, after.decode.promptTokens);
  const { external_kv_transfer: external = 0, local_compute: computed = 0 } = decode;
  const of = (
    name: "generatedTokens" | "fetches" | "fetchedBytes" | "failedFetches",
    role: "prefill" | "decode",
  ) => after[role][name] - before[role][name];
  const figures = {
    requests: REQUESTS,
    promptTokens: REQUESTS * PROMPT_TOKENS,
    prefillComputed: prefill.local_compute ?? 0,
    prefillGenerated: of("generatedTokens", "prefill"),
    decodeFetched: external,
    decodeComputed: computed,
    decodeGenerated: of("generatedTokens", "decode"),
    fetches: of("fetches", "decode"),
    fetchedBytes: of("fetchedBytes", "decode"),
    failedFetches: of("failedFetches", "decode"),
    expired: after.prefill.expired - before.prefill.expired,
  };
  return {
    figures,
    wrong: unequal(figures, {
      prefillComputed: figures.promptTokens,
      prefillGenerated: REQUESTS,
      decodeFetched: figures.promptTokens,
      decodeComputed: 0,
      decodeGenerated: REQUESTS * ANSWER_TOKENS,
      fetches: REQUESTS,
      fetchedBytes: figures.promptTokens * BYTES_PER_TOKEN,
      failedFetches: 0,
      expired: 0,
    }),
  };
}

async function killed(rig: Rig, role: "prefill" | "decode"): Promise<Proof> {
  const port = Number(new URL(rig[role].url).port);
  await rig[role].kill();
  const asked = performance.now();
  const status = await ask(rig, { prompt: ids(`${role} is dead`, 100), max_tokens: 4 });
  const errorMs = Math.round(performance.now() - asked);

  const loading = new AbortController();
  const answersWhileLoading = answersOf(rig[role].url, loading.signal);
  rig[role] = await startEngine(role, rig.place, [], port);
  loading.abort();
  const serves = performance.now();
  const ready = await when(async () => (await fetch(`${rig.scheduler.url}/readyz`)).ok);
  const before = await measured(rig);
  const statuses: number[] = [];
  for (let index = 0; index < 4; index++) {
    const prompt = ids(`${role} is back ${index}`, PROMPT_TOKENS);
    statuses.push(await ask(rig, { prompt, max_tokens: ANSWER_TOKENS }));
  }
  await sleep(1000);
  const { promptTokens } = (await measured(rig)).decode;
  const figures = {
    statusMeanwhile: status,
    errorMs,
    answersWhileLoading: await answersWhileLoading,
    readyAgainMs: Math.round(ready - serves),
    asked: statuses.length,
    answered: statuses.filter((one) => one === 200).length,
    decodeFetched: since(before.decode.promptTokens, promptTokens).external_kv_transfer ?? 0,
  };
  return {
    figures,
    wrong: [
      ...unequal(figures, { answered: statuses.length, decodeFetched: statuses.length * PROMPT_TOKENS }),
      ...(status < 500 ? [`meanwhile the status was ${status}`] : []),
    ],
  };
}

/** Answers of a health check other than 200, until the signal: an engine that loads refuses connections. */
async function answersOf(url: string, signal: AbortSignal): Promise<number> {
  let answers = 0;
  while (!signal.aborted) {
    const status = await fetch(`${url}/health`).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status !== undefined && status !== 200) answers++;
    await sleep(200);
  }
  return answers;
}
