import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { JsonBody } from "./body.ts";
import type { Engine } from "./engine.ts";
import { ApiError } from "./errors.ts";
import { promptHashes } from "./oracle.ts";
import type { GenerationRequest, RequestLimits } from "./request.ts";
import { tokensOf } from "./tokenizer.ts";

/** What `SamplingParams` of vLLM 0.6.3 takes, as far as JSON can say it. */
const SAMPLING_PARAMS = new Set(
  `n best_of presence_penalty frequency_penalty repetition_penalty temperature top_p top_k min_p seed stop
   stop_token_ids bad_words ignore_eos max_tokens min_tokens logprobs prompt_logprobs detokenize
   skip_special_tokens spaces_between_special_tokens include_stop_str_in_output truncate_prompt_tokens`.split(
    /\s+/,
  ),
);

const DEFAULT_MAX_TOKENS = 16;
/** Ends a record of a stream in vLLM 0.6.3; later versions end it with a line feed. */
const RECORD_END = "\0";

/**
 * vLLM 0.6.3's own API, `POST /generate`: a prompt and sampling parameters in, `{"text": [prompt + completion]}`
 * out; as a stream one record per token, each with the whole text so far. A client that goes away ends it.
 */
export async function generate(
  engine: Engine,
  { text, fields }: JsonBody,
  limits: RequestLimits,
  id: string,
  response: ServerResponse,
): Promise<void> {
  const clientGone = new AbortController();
  response.on("close", () => clientGone.abort());
  const { prompt } = fields;
  const request = samplingOf(text, fields, limits);
  if (typeof prompt !== "string" || request === undefined) {
    fail(response);
    return;
  }
  const { stream } = request;
  // Like vLLM, sends a stream's head before the work begins: what fails later can only cut it.
  if (stream) response.writeHead(200).flushHeaders();
  let sofar = prompt;
  try {
    await engine.generate(
      request,
      () => id,
      clientGone.signal,
      async (_, token) => {
        sofar += token;
        if (stream && !response.write(record(sofar))) {
          await once(response, "drain", { signal: clientGone.signal });
        }
      },
    );
  } catch (error) {
    if (clientGone.signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    if (stream) response.destroy();
    else fail(response);
    return;
  }
  if (!stream) response.setHeader("Content-Type", "application/json");
  response.end(stream ? undefined : JSON.stringify({ text: [sofar] }));
}

/** As Starlette says it. */
function fail(response: ServerResponse): void {
  response.writeHead(500, { "Content-Type": "text/plain; charset=utf-8" }).end("Internal Server Error");
}

/** In the spelling of Python's `json.dumps`, which leaves ASCII only. */
function record(text: string): string {
  const ascii = JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `{"text": [${ascii}]}${RECORD_END}`;
}

/** Undefined for what vLLM's code throws at, which becomes an Internal Server Error. */
function samplingOf(
  text: string,
  { prompt, stream = false, ...params }: JsonBody["fields"],
  { maxModelLen, seed }: RequestLimits,
): GenerationRequest | undefined {
  const tokens = tokensOf(`${prompt}`);
  const room = maxModelLen - tokens.length;
  const { max_tokens: given } = params;
  const maxTokens = given === null ? room : (given ?? DEFAULT_MAX_TOKENS);
  const isKnown = Object.keys(params).every((name) => SAMPLING_PARAMS.has(name));
  if (!isKnown || room < 1 || Number(params.n ?? 1) !== 1) return undefined;
  if (typeof maxTokens !== "number" || !Number.isInteger(maxTokens) || maxTokens < 1) return undefined;
  if (Number(params.min_tokens ?? 0) > maxTokens) return undefined;
  return {
    prompts: promptHashes(text, seed).map((hashes) => ({
      tokens,
      ids: [],
      made: 0,
      cacheSalt: "",
      hashes,
      maxTokens: Math.min(maxTokens, room),
    })),
    stream: Boolean(stream),
    includeUsage: false,
    continuousUsage: false,
    returnTokenIds: false,
    kvParams: undefined,
    fatal: undefined,
    minTokens: 0,
  };
}
