import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ids } from "./cases.ts";
import { since } from "./compare.ts";
import { type Counts, counts } from "./engine-metrics.ts";
import {
  BLOCK_TOKENS,
  MODEL,
  type Place,
  type Running,
  startEngine,
  startPair,
  startScheduler,
  stopAll,
} from "./rig.ts";

/*
 * What no comparison of answers shows: that prefill only prefilled and decode computed no prompt, that what a client
 * leaves behind is freed, and that a killed engine which is started again serves as before.
 */

export interface Proof {
  readonly figures: Readonly<Record<string, number>>;
  /** What should not be so. */
  readonly wrong: readonly string[];
}

/** What both instances say. */
type State = Readonly<Record<"prefill" | "decode", Counts>>;

interface Rig {
  readonly place: Place;
  readonly scheduler: Running;
  prefill: Running;
  decode: Running;
}

const PROOFS: Readonly<Record<string, (rig: Rig) => Promise<Proof>>> = {
  "only decode generates, from what it fetches": handedOver,
  "clients leave while decode generates": (rig) =>
    leaving(rig, { prompt: 100, tokens: 1900 }, (clients) => Promise.all(clients.map(({ begun }) => begun))),
  "clients leave while prefill computes": (rig) =>
    leaving(rig, { prompt: 1800, tokens: 100 }, () =>
      when(async () => (await counts(rig.prefill.url)).requests >= CLIENTS / 2),
    ),
  "clients leave at any moment": leavingAnyhow,
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
      const proof = await prove(rig);
      all[name] = proof;
      console.log([`${name}: ${JSON.stringify(proof.figures)}`, ...proof.wrong].join("\n    WRONG: "));
    }
  } finally {
    await stopAll([scheduler, rig.prefill, rig.decode]);
  }
  return all;
}

const REQUESTS = 20;
/** Of whole blocks: what is fetched is known to the byte. */
const PROMPT_TOKENS = 8 * BLOCK_TOKENS;
const ANSWER_TOKENS = 8;
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

const CLIENTS = 6;
const FREE_LIMIT_MS = 45_000;

interface Client {
  /** When the first of its answer has come. */
  readonly begun: Promise<unknown>;
  /** Whether all has. */
  readonly isWhole: Promise<boolean>;
}

/** The time from when clients leave, at a certain moment, until nothing of them is on either instance. */
async function leaving(
  rig: Rig,
  { prompt, tokens }: Record<"prompt" | "tokens", number>,
  moment: (clients: readonly Client[]) => Promise<unknown>,
): Promise<Proof> {
  const before = await measured(rig);
  const leave = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const fields = {
      prompt: ids(`leaving ${prompt} ${index}`, prompt),
      max_tokens: tokens,
      ignore_eos: true,
    };
    const begun = send(rig, { ...fields, stream: true }, leave.signal);
    const whole = begun.then((answer) => answer.text());
    const isWhole = whole.then(
      () => true,
      () => false,
    );
    return { begun: begun.catch(() => undefined), isWhole };
  });
  await moment(clients);
  const during = await measured(rig);
  leave.abort();
  const left = performance.now();
  const answered = (await Promise.all(clients.map(({ isWhole }) => isWhole))).filter(Boolean).length;

  const freed = (["prefill", "decode"] as const).map((role) =>
    when(async () => {
      const now = await counts(rig[role].url);
      return now.requests === 0 && now.blocks <= before[role].blocks;
    }),
  );
  const [prefill = Number.NaN, decode = Number.NaN] = await Promise.all(freed);
  return {
    figures: {
      clients: CLIENTS,
      answered,
      requestsOnPrefill: during.prefill.requests,
      requestsOnDecode: during.decode.requests,
      prefillFreedMs: Math.round(prefill - left),
      decodeFreedMs: Math.round(decode - left),
    },
    wrong: [
      ...(Number.isNaN(prefill) ? ["prefill still has something of them"] : []),
      ...(Number.isNaN(decode) ? ["decode still has something of them"] : []),
      ...(answered === CLIENTS ? ["all were answered before they left"] : []),
    ],
  };
}

const LEAVING = 80;
const LEAVING_AT_ONCE = 4;
/** By then most have been answered. */
const LATEST_MS = 160;
/**
 * Some leave between the legs: prefill has kept the cache, and decode is not asked, or was and had not begun. What prefill
 * has just ended, but not answered when it hears of the end, is kept for its lease: nobody was told where it is.
 */
async function leavingAnyhow(rig: Rig): Promise<Proof> {
  const before = await measured(rig);
  let answered = 0;
  const leaveInTurn = async (first: number) => {
    for (let index = first; index < LEAVING; index += LEAVING_AT_ONCE) {
      const prompt = ids(`leaving anyhow ${index}`, PROMPT_TOKENS);
      const after = AbortSignal.timeout((LATEST_MS * (index + 1)) / LEAVING);
      const answer = await send(rig, { prompt, max_tokens: ANSWER_TOKENS }, after)
        .then((response) => response.text())
        .catch(() => undefined);
      if (answer !== undefined) answered++;
    }
  };
  await Promise.all(Array.from({ length: LEAVING_AT_ONCE }, (_, first) => leaveInTurn(first)));
  const left = performance.now();
  const freed = await when(async () => {
    const now = await measured(rig);
    return (["prefill", "decode"] as const).every(
      (role) => now[role].requests === 0 && now[role].blocks <= before[role].blocks,
    );
  });
  const { prefill } = await measured(rig);
  const figures = {
    clients: LEAVING,
    answered,
    freedMs: Math.round(freed - left),
    expired: prefill.expired - before.prefill.expired,
  };
  return {
    figures,
    wrong: [
      ...(figures.expired * 10 > LEAVING - answered
        ? ["more than one in ten caches stayed for its lease"]
        : []),
      ...(answered === LEAVING ? ["all were answered before they left"] : []),
    ],
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

async function measured({ prefill, decode }: Rig): Promise<State> {
  const [ofPrefill, ofDecode] = await Promise.all([counts(prefill.url), counts(decode.url)]);
  return { prefill: ofPrefill, decode: ofDecode };
}

async function ask(rig: Rig, fields: object): Promise<number> {
  const answer = await send(rig, fields, AbortSignal.timeout(120_000));
  await answer.text();
  return answer.status;
}

function send({ scheduler }: Rig, fields: object, signal: AbortSignal): Promise<Response> {
  return fetch(`${scheduler.url}/v1/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model: MODEL, temperature: 0, ...fields }),
    signal,
  });
}

/** The time at which something is so; NaN when it takes too long. */
async function when(isSo: () => Promise<boolean>): Promise<number> {
  const deadline = performance.now() + FREE_LIMIT_MS;
  while (performance.now() < deadline) {
    if (await isSo()) return performance.now();
    await sleep(20);
  }
  return Number.NaN;
}

function unequal(
  figures: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(expected)
    .filter(([name, value]) => figures[name] !== value)
    .map(([name, value]) => `${name} is ${figures[name]}, not ${value}`);
}
