import { expect, test } from "vitest";
import { post, start } from "./testing/client.ts";
import { EVERYWHERE, REQUESTS } from "./testing/lacks.ts";
import {
  type Asked,
  answeredOf,
  paramsIn,
  prefillOf,
  readRecordings,
  requestOf,
} from "./testing/recordings.ts";
import { unlike } from "./testing/shape.ts";
import { exchange } from "./testing/wire.ts";

interface Difference {
  readonly name: string;
  readonly what: string;
}

const RECORDINGS = readRecordings("vllm-0.32.0");
const LACKS = [...Object.keys(REQUESTS), ...Object.keys(EVERYWHERE)];

/** A simulated pair that stands where the recorded one stood. */
async function startPair() {
  const common = { servedModelName: "tiny", maxModelLen: 2048, kvCheck: "none", interTokenMs: 1 } as const;
  const [prefill, decode] = await Promise.all([
    start({ ...common, role: "prefill", maxNumQueuedReqs: 96 }),
    start({ ...common, role: "decode" }),
  ]);
  const ask = async (asked: Asked) => {
    const isHandedOver = asked.handedOver !== undefined;
    const params = isHandedOver ? paramsIn(await exchange(prefill.url, prefillOf(asked))) : undefined;
    const { url } = asked.to === "decode" ? decode : prefill;
    return answeredOf(await exchange(url, requestOf(asked, params)));
  };
  return { prefill, ask };
}

async function differencesIn(about: string): Promise<Difference[]> {
  const { prefill, ask } = await startPair();
  const recordings = RECORDINGS.find(([name]) => name === about)?.[1] ?? [];
  if (about === "death") setTimeout(() => kill(prefill.url), 100);
  const found: Difference[] = [];
  for (const { asked, answered } of recordings)
    for (const what of unlike(answered, await ask(asked))) found.push({ name: asked.name, what });
  return found;
}

/** Ends a simulated core as nothing but this can. */
const kill = (url: string) =>
  post(`${url}/v1/completions`, { prompt: "x", vllm_xargs: { kv_transfer_params: "x" } });

const isLack = (lack: string, { name, what }: Difference) => name === lack || what.startsWith(lack);

test.each(RECORDINGS)(
  "In %s the simulator is like vLLM 0.32, but for what it lacks on purpose.",
  async (about) => {
    const differences = await differencesIn(about);

    const unknown = differences.filter((one) => !LACKS.some((lack) => isLack(lack, one)));
    expect(unknown.map(({ name, what }) => `${name}: ${what}`)).toEqual([]);
  },
);

test("What it is said to lack is still different.", async () => {
  const differences = (await Promise.all(RECORDINGS.map(([about]) => differencesIn(about)))).flat();

  const stale = LACKS.filter((lack) => !differences.some((one) => isLack(lack, one)));
  expect(stale).toEqual([]);
});
