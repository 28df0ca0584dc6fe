import { text } from "./cases.ts";
import { since } from "./compare.ts";
import { measured, type Proof, type Rig, unequal, when } from "./proving.ts";
import { BLOCK_TOKENS, MODEL } from "./rig.ts";

const BACKGROUND = 10;

interface Response {
  readonly id: string;
  readonly status: string;
  readonly usage?: { readonly input_tokens: number } | null;
}

/**
 * What decode has stored is found through the scheduler and gone on from without prefill; and of responses in the
 * background that are cancelled at once nothing stays in either.
 */
export async function storedResponses(rig: Rig): Promise<Proof> {
  const first = await asked(rig, "", { input: text("stored", 60) });
  const before = await measured(rig);
  const found = await asked(rig, `/${first.id}`);
  const next = await asked(rig, "", { input: "And?", previous_response_id: first.id });
  // Engines tell of the last steps a moment later.
  await when(async () => (await measured(rig)).decode.generatedTokens > before.decode.generatedTokens);
  const after = await measured(rig);

  let cancelled = 0;
  for (let index = 0; index < BACKGROUND; index++) {
    const fields = { background: true, ignore_eos: true, max_output_tokens: 1500 };
    const { id } = await asked(rig, "", { ...fields, input: text(`background ${index}`, 60) });
    const { status } = await asked(rig, `/${id}/cancel`, {});
    if (status === "cancelled") cancelled++;
  }
  const began = performance.now();
  const freed = await when(async () => {
    const { prefill, decode } = await measured(rig);
    return prefill.blocks + decode.blocks + prefill.requests + decode.requests === 0;
  });
  const decode = since(before.decode.promptTokens, after.decode.promptTokens);
  const figures = {
    found: found.id === first.id ? 1 : 0,
    prefillComputed: since(before.prefill.promptTokens, after.prefill.promptTokens).local_compute ?? 0,
    decodeCached: decode.local_cache_hit ?? 0,
    decodeComputed: decode.local_compute ?? 0,
    cancelled,
    freedAfterMs: Math.round(freed - began),
  };
  const history = Math.floor((first.usage?.input_tokens ?? 0) / BLOCK_TOKENS) * BLOCK_TOKENS;
  const expected = { found: 1, prefillComputed: 0, cancelled: BACKGROUND };
  return {
    figures,
    wrong: [
      ...unequal(figures, expected),
      ...(figures.decodeCached < history ? [`decode had ${figures.decodeCached} of ${history} tokens`] : []),
      ...(["incomplete", "completed"].includes(next.status) ? [] : [`what goes on is ${next.status}`]),
      ...(Number.isNaN(freed) ? ["KV cache stays"] : []),
    ],
  };
}

async function asked({ scheduler }: Rig, path: string, fields?: object): Promise<Response> {
  const body = fields && { model: MODEL, temperature: 0, max_output_tokens: 8, ...fields };
  const answer = await fetch(`${scheduler.url}/v1/responses${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(120_000),
  });
  return (await answer.json()) as Response;
}
