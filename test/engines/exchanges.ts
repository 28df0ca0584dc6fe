import { type Asked, type Fields, type Json, REMOTE_DECODE } from "../../simulator/testing/recordings.ts";
import { MAX_SEQUENCES, MODEL } from "./rig.ts";

/*
 * What is asked of real vLLM, to record how it answers; by the files that the recordings go to. Few tokens each: only the
 * form of an answer is looked at.
 */

const COMPLETIONS = "/v1/completions";
const CHAT = "/v1/chat/completions";
const RESPONSES = "/v1/responses";
const MESSAGES = "/v1/messages";

/** More samples than this prefill refuses at the door. */
export const MAX_QUEUED = 3 * MAX_SEQUENCES;

const greedy = { model: MODEL, max_tokens: 3, temperature: 0 };
const sampled = { temperature: 0.8, seed: 7 };
const stream = { stream: true };
const usage = { stream: true, stream_options: { include_usage: true } };
const continuous = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };

const completion = (name: string, fields: Fields = {}): Asked => ({
  name,
  path: COMPLETIONS,
  body: { ...greedy, prompt: `Answer ${name}`, ...fields },
});

const chat = (name: string, fields: Fields = {}): Asked => ({
  name: `chat, ${name}`,
  path: CHAT,
  body: { ...greedy, messages: [{ role: "user", content: `Answer ${name}` }], ...fields },
});

const without = (asked: Asked, name: string): Asked => {
  const { [name]: _, ...body } = asked.body as Fields;
  return { ...asked, body };
};

const SCHEMA = {
  type: "object",
  properties: { role: { enum: ["prefill", "decode"] } },
  required: ["role"],
  additionalProperties: false,
};
const TOOLS: Json = [
  { type: "function", function: { name: "join", parameters: { type: "object", properties: {} } } },
];
/** With a bias for braces, the tokens 93 and 95, without which a random model finds no end. */
const toolCall: Fields = {
  messages: [{ role: "user", content: "Call a tool, 0" }],
  tools: TOOLS,
  tool_choice: "required",
  max_tokens: 60,
  logit_bias: { 93: 50, 95: 100 },
};

const answers: Asked[] = [
  completion("plain"),
  completion("token ids", { prompt: [100, 101, 102] }),
  completion("max_tokens null", { max_tokens: null }),
  without(completion("no model"), "model"),
  completion("batch", { prompt: ["One", "Two"] }),
  completion("n 2", { ...sampled, n: 2 }),
  completion("batch, n 2", { ...sampled, prompt: ["One", "Two"], n: 2 }),
  completion("stop", { stop: ["a", "e", "o", " "], max_tokens: 60 }),
  completion("ignore_eos, min_tokens", { ignore_eos: true, min_tokens: 2 }),
  completion("echo", { echo: true }),
  completion("logprobs", { logprobs: 1 }),
  completion("prompt_logprobs", { prompt_logprobs: 0 }),
  completion("return_token_ids", { return_token_ids: true }),
  chat("plain"),
  chat("max_completion_tokens", { max_completion_tokens: 2 }),
  chat("text parts", { messages: [{ role: "user", content: [{ type: "text", text: "In parts" }] }] }),
  chat("n 2", { ...sampled, n: 2 }),
  chat("logprobs", { logprobs: true, top_logprobs: 1 }),
  chat("return_token_ids", { return_token_ids: true }),
  chat("tools auto", { tools: TOOLS }),
  chat("tools required", toolCall),
  chat("json_schema", {
    response_format: { type: "json_schema", json_schema: { name: "instance", schema: SCHEMA } },
    max_tokens: 40,
  }),
];

const streams: Asked[] = [
  completion("stream", stream),
  completion("stream with usage", usage),
  completion("stream with continuous usage", continuous),
  completion("stream of a batch", { prompt: ["One", "Two"], ...usage }),
  completion("stream of n 2", { ...sampled, n: 2, ...usage }),
  completion("stream of echo", { echo: true, ...stream }),
  completion("stream of logprobs", { logprobs: 1, ...stream }),
  completion("stream of return_token_ids", { return_token_ids: true, ...stream }),
  completion("stream that fails", { prompt: [[5], [100_000]], ...stream }),
  chat("stream", stream),
  chat("stream with usage", usage),
  chat("stream with continuous usage", continuous),
  chat("stream of n 2", { ...sampled, n: 2, ...usage }),
  chat("stream of logprobs", { logprobs: true, top_logprobs: 1, ...stream }),
  chat("stream of return_token_ids", { return_token_ids: true, ...stream }),
  chat("stream of tools required", { ...toolCall, ...stream }),
];

const refusals: Asked[] = [
  { name: "unknown path", method: "GET", path: "/nowhere" },
  { name: "unknown path, POST", path: "/v1/nowhere", body: {} },
  { name: "GET of completions", method: "GET", path: COMPLETIONS },
  { name: "POST to health", path: "/health", body: {} },
  { name: "wrong content type", path: COMPLETIONS, type: "text/plain", body: JSON.stringify(greedy) },
  { name: "form", path: COMPLETIONS, type: "application/x-www-form-urlencoded", body: "prompt=x" },
  { name: "no content type", path: COMPLETIONS, type: "", body: JSON.stringify(greedy) },
  {
    name: "content type with a charset",
    path: COMPLETIONS,
    type: "Application/JSON; charset=utf-8",
    body: "{",
  },
  { name: "not JSON", path: COMPLETIONS, body: '{"prompt": ' },
  { name: "not an object", path: COMPLETIONS, body: "[]" },
  { name: "no body", path: COMPLETIONS, type: "application/json" },
  completion("another model", { model: "another" }),
  chat("another model", { model: "another" }),
  without(completion("prompt missing"), "prompt"),
  completion("prompt null", { prompt: null }),
  completion("prompt empty", { prompt: "" }),
  completion("no prompts", { prompt: [] }),
  completion("prompt a number", { prompt: 5 }),
  completion("prompts mixed", { prompt: ["text", 5] }),
  completion("prompts of texts and lists", { prompt: ["text", [5]] }),
  completion("empty list of token ids", { prompt: [[]] }),
  completion("negative token id", { prompt: [5, -5] }),
  completion("too great token id", { prompt: [5, 100_000] }),
  {
    name: "prompt over the context",
    path: COMPLETIONS,
    body: JSON.stringify({ ...greedy, prompt: Array.from({ length: 2100 }, () => 9) }),
  },
  {
    name: "prompt and max_tokens over the context",
    path: COMPLETIONS,
    body: JSON.stringify({ ...greedy, prompt: Array.from({ length: 2040 }, () => 9), max_tokens: 20 }),
  },
  {
    name: "too many prompts",
    path: COMPLETIONS,
    body: JSON.stringify({ ...greedy, prompt: Array(1025).fill("x") }),
  },
  completion("max_tokens 0", { max_tokens: 0 }),
  completion("max_tokens -1", { max_tokens: -1 }),
  completion("max_tokens a text", { max_tokens: "many" }),
  completion("max_tokens a fraction", { max_tokens: 1.5 }),
  completion("max_tokens over the context", { max_tokens: 100_000 }),
  completion("temperature a little text", { temperature: "0" }),
  completion("min_tokens over max_tokens", { min_tokens: 50 }),
  completion("stream a text", { stream: "perhaps" }),
  completion("temperature -1", { temperature: -1 }),
  completion("temperature a text", { temperature: "hot" }),
  completion("top_p 2", { top_p: 2 }),
  completion("n 0", { ...sampled, n: 0 }),
  completion("n a text", { n: "two" }),
  completion("n 2, greedy", { n: 2 }),
  completion("n 2, greedy, stream", { n: 2, ...stream }),
  { ...completion("n over the limit", { ...sampled, n: 20_000 }), to: "decode" },
  completion("seed over 64 bits", { seed: 2 ** 64 }),
  completion("stream_options without a stream", { stream_options: { include_usage: true } }),
  completion("stream_options a text", { stream: true, stream_options: "all" }),
  completion("suffix", { suffix: "end" }),
  completion("logprobs -5", { logprobs: -5 }),
  completion("kv_transfer_params a text", { kv_transfer_params: "all" }),
  completion("kv_transfer_params in vllm_xargs", {
    vllm_xargs: { kv_transfer_params: { do_remote_prefill: true } },
  }),
  completion("more than is queued", { ...sampled, n: MAX_QUEUED + 1 }),
  completion("more than is queued, stream", { ...sampled, n: MAX_QUEUED + 1, ...stream }),
  without(chat("messages missing"), "messages"),
  chat("no messages", { messages: [] }),
  chat("messages a text", { messages: "Hi" }),
  chat("message a text", { messages: ["Hi"] }),
  chat("message without a role", { messages: [{ content: "Hi" }] }),
  chat("image", { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }),
  chat("n 2, greedy", { n: 2 }),
  chat("tool_choice without tools", { tool_choice: "required" }),
  chat("top_logprobs without logprobs", { top_logprobs: 1 }),
];

const GONE = { remote_engine_id: "gone", remote_request_id: "cmpl-gone" };
const decode = (asked: Asked, handedOver: Fields = {}): Asked => ({ ...asked, to: "decode", handedOver });

const handoffs: Asked[] = [
  completion("prefill", { max_tokens: 1, kv_transfer_params: REMOTE_DECODE }),
  completion("prefill of a batch", {
    prompt: ["One", "Two"],
    max_tokens: 1,
    kv_transfer_params: REMOTE_DECODE,
  }),
  completion("prefill, stream", { max_tokens: 1, kv_transfer_params: REMOTE_DECODE, ...usage }),
  chat("prefill", { max_tokens: 1, kv_transfer_params: REMOTE_DECODE }),
  chat("prefill, stream", { max_tokens: 1, kv_transfer_params: REMOTE_DECODE, ...stream }),
  decode(completion("decode")),
  decode(completion("decode, stream", usage)),
  decode(chat("decode")),
  decode(chat("decode, stream", usage)),
  decode(chat("decode, no token ids"), { prompt_token_ids: [] }),
  decode(chat("decode, too great token ids"), { prompt_token_ids: [100_000] }),
  decode(completion("decode, rejected", { max_tokens: -1 })),
  decode(completion("decode, an engine that is not there", stream), { ...GONE, remote_port: 1 }),
  decode(completion("decode, another engine there"), GONE),
  decode(completion("decode, an engine that is not there, plain"), { ...GONE, remote_port: 1 }),
];

const response = (name: string, fields: Fields = {}): Asked => ({
  name: `response, ${name}`,
  path: RESPONSES,
  body: { model: MODEL, temperature: 0, max_output_tokens: 3, input: `Answer ${name}`, ...fields },
});

const responses: Asked[] = [
  response("plain"),
  without(response("no model"), "model"),
  response("instructions", { instructions: "Be brief." }),
  response("items", { input: [{ role: "user", content: [{ type: "input_text", text: "In parts" }] }] }),
  response("background", { background: true }),
  response("stream", stream),
  response("stream in the background", { background: true, ...stream }),
  response("prefill", {
    max_output_tokens: 1,
    store: false,
    ignore_eos: true,
    kv_transfer_params: REMOTE_DECODE,
  }),
  decode(response("decode")),
  decode(response("decode, stream", stream)),
  response("another model", { model: "another" }),
  without(response("input missing"), "input"),
  response("input empty", { input: [] }),
  response("max_output_tokens 0", { max_output_tokens: 0 }),
  response("temperature -1", { temperature: -1 }),
  response("background without store", { background: true, store: false }),
  response("previous unknown", { previous_response_id: "resp_1" }),
  { name: "response that is not there", method: "GET", path: `${RESPONSES}/resp_1` },
  { name: "cancel of a response that is not there", path: `${RESPONSES}/resp_1/cancel` },
  { name: "DELETE of a response", method: "DELETE", path: `${RESPONSES}/resp_1` },
];

const message = (name: string, fields: Fields = {}): Asked => ({
  name: `message, ${name}`,
  path: MESSAGES,
  body: { ...greedy, messages: [{ role: "user", content: `Answer ${name}` }], ...fields },
});

const messages: Asked[] = [
  message("plain"),
  message("system", { system: "Be brief." }),
  message("stream", stream),
  message("prefill", { max_tokens: 1, kv_transfer_params: REMOTE_DECODE }),
  decode(message("decode")),
  decode(message("decode, stream", stream)),
  message("another model", { model: "another" }),
  without(message("max_tokens missing"), "max_tokens"),
  message("no messages", { messages: [] }),
  message("temperature -1", { temperature: -1 }),
];

const others: Asked[] = [
  { name: "models", method: "GET", path: "/v1/models" },
  { name: "health", method: "GET", path: "/health" },
  { name: "version", method: "GET", path: "/version" },
  { name: "load", method: "GET", path: "/load" },
  { name: "metrics", method: "GET", path: "/metrics" },
  { name: "metrics of decode", method: "GET", path: "/metrics", to: "decode" },
];

export const EXCHANGES: Readonly<Record<string, readonly Asked[]>> = {
  answers,
  streams,
  refusals,
  handoffs,
  responses,
  messages,
  others,
};

/** While the first of these is answered prefill's core is killed. */
export const DEATH: readonly Asked[] = [
  completion("long, while the core dies", { ignore_eos: true, max_tokens: 2000 }),
  completion("after the core's death"),
  { name: "health after the core's death", method: "GET", path: "/health" },
  { ...completion("text in vllm_xargs", { vllm_xargs: { kv_transfer_params: "all" } }), to: "decode" },
  { name: "health after the text", method: "GET", path: "/health", to: "decode" },
];
