import { BLOCK_TOKENS, MAX_SEQUENCES, MODEL } from "./rig.ts";

/*
 * What is asked of a plain instance and, through the scheduler, of a pair.
 *
 * Each prompt begins with words of its own, so that decode has none of it in its prefix cache and KV really moves; the
 * cases named `… later` ask for a prompt of an earlier case again, and see what that one has left in the caches.
 */

export interface Case {
  readonly name: string;
  readonly path: string;
  /** As it goes out, where it is no JSON object that the others are like. */
  readonly raw?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Fields = Record<string, unknown>;

const COMPLETIONS = "/v1/completions";
export const CHAT = "/v1/chat/completions";
const RESPONSES = "/v1/responses";
const MESSAGES = "/v1/messages";
const ENGLISH =
  "prefill decode cache block token prompt scheduler instance router engine answer stream batch sample model host port rank table lease health metric client request".split(
    " ",
  );
const CHINESE = "预填充与解码分离后每个请求先在一个实例上计算缓存再由另一个实例生成答案并逐字返回给客户端";

/** Numbers below `limit`, the same for the same seed. */
function numbers(seed: string, count: number, limit: number): number[] {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 17);
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  });
}

export function text(seed: string, words: number): string {
  return `${seed}: ${numbers(seed, words, ENGLISH.length)
    .map((index) => ENGLISH[index])
    .join(" ")}`;
}

const chinese = (seed: string, letters: number) =>
  `${seed}：${numbers(seed, letters, CHINESE.length)
    .map((index) => CHINESE[index])
    .join("")}`;

/** Token ids without the special ones. */
export const ids = (seed: string, count: number) => numbers(seed, count, 2000).map((id) => id + 40);

const greedy = { model: MODEL, max_tokens: 12, temperature: 0 };
const sampled = { model: MODEL, max_tokens: 12, temperature: 0.8, seed: 7 };
const stream = { stream: true };
const usage = { stream: true, stream_options: { include_usage: true } };
const continuous = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };

const completion = (name: string, prompt: unknown, fields: Fields = {}): Case => ({
  name,
  path: COMPLETIONS,
  body: { ...greedy, prompt, ...fields },
});

/** One prompt of some blocks, in words of the case's own. */
const one = (name: string, fields: Fields = {}) => completion(name, text(name, 50), fields);

const chat = (name: string, fields: Fields = {}): Case => ({
  name,
  path: CHAT,
  body: {
    ...greedy,
    messages: [
      { role: "system", content: `For ${name}.` },
      { role: "user", content: text(name, 50) },
    ],
    ...fields,
  },
});

const JSON_SCHEMA = {
  type: "object",
  properties: { role: { enum: ["prefill", "decode"] }, ready: { type: "boolean" } },
  required: ["role", "ready"],
  additionalProperties: false,
};
const RESPONSE_FORMAT = { type: "json_schema", json_schema: { name: "instance", schema: JSON_SCHEMA } };
const TOOLS = [
  {
    type: "function",
    function: { name: "drain", description: "Drains an instance", parameters: JSON_SCHEMA },
  },
  { type: "function", function: { name: "join", parameters: { type: "object", properties: {} } } },
];

const onePrompt: Case[] = [
  one("short text", { prompt: "Cache" }),
  one("text"),
  one("text stream", stream),
  ...[1, 2, BLOCK_TOKENS - 1, BLOCK_TOKENS, BLOCK_TOKENS + 1, 2 * BLOCK_TOKENS, 4 * BLOCK_TOKENS + 5].map(
    (count) => completion(`${count} token ids`, ids(`${count} token ids`, count)),
  ),
  completion("500 token ids stream", ids("500 token ids stream", 500), stream),
  completion("1800 token ids", ids("1800 token ids", 1800)),
  completion("1800 token ids, longer, later", [...ids("1800 token ids", 1800), ...ids("longer", 40)]),
  completion("prompt over a thousand tokens stream", text("prompt over a thousand tokens", 500), usage),
  completion("list of one text", [text("list of one text", 40)]),
  completion("list of one text stream", [text("list of one text stream", 40)], usage),
  completion("list of one list of token ids", [ids("list of one list of token ids", 70)]),
  completion("Chinese", chinese("中文", 80)),
  completion("Chinese stream", chinese("中文流", 80), usage),
];

const sampling: Case[] = [
  one("seed", sampled),
  one("seed stream", { ...sampled, ...stream }),
  one("top_p, top_k, min_p", { ...sampled, top_p: 0.9, top_k: 20, min_p: 0.01 }),
  one("penalties", { presence_penalty: 1, frequency_penalty: 0.5, repetition_penalty: 1.2 }),
  one("logit_bias", { logit_bias: { 100: 50, 101: 49 } }),
  one("allowed_token_ids", { allowed_token_ids: [100, 101, 102, 103] }),
  one("bad_words", { bad_words: ["e"] }),
  one("stop", { stop: ["a", "e"], max_tokens: 40 }),
  one("stop stream", { stop: ["a", "e"], max_tokens: 40, ...usage }),
  one("stop, included", { stop: "o", include_stop_str_in_output: true, max_tokens: 40 }),
  one("stop_token_ids", { stop_token_ids: ids("all", 900), max_tokens: 40 }),
  one("ignore_eos", { ignore_eos: true }),
  one("min_tokens", { min_tokens: 8, stop: ["a", "e", "i", "o"], max_tokens: 30 }),
  one("max_tokens 1", { max_tokens: 1 }),
  one("max_tokens null", { max_tokens: null }),
  one("skip_special_tokens", { skip_special_tokens: false, logit_bias: { 2: 100 }, ignore_eos: true }),
  one("end token first", { logit_bias: { 2: 100 } }),
  one("end token first stream", { logit_bias: { 2: 100 }, ...usage }),
  one("truncate_prompt_tokens", { truncate_prompt_tokens: 37 }),
  completion("truncate_prompt_tokens -1", text("truncate_prompt_tokens -1", 1700), {
    truncate_prompt_tokens: -1,
  }),
  one("cache_salt", { cache_salt: "salt of one client" }),
  one("cache_salt, another, later", { prompt: text("cache_salt", 50), cache_salt: "salt of another client" }),
  one("cache_salt, none, later", { prompt: text("cache_salt", 50) }),
  one("best_of", { best_of: 3 }),
  one("vllm_xargs", { vllm_xargs: { harmless: "yes", number: 3 } }),
  one("user, priority 0, session_id", { user: "someone", priority: 0, session_id: "s" }),
  one("stream_interval", { stream_interval: 4, ...usage }),
  one("n null", { n: null }),
];

const logprobs: Case[] = [
  one("logprobs 0", { logprobs: 0 }),
  one("logprobs 3", { logprobs: 3 }),
  one("logprobs 3 stream", { logprobs: 3, ...usage }),
  one("logprobs as token ids", { logprobs: 2, return_tokens_as_token_ids: true }),
  one("return_token_ids", { return_token_ids: true }),
  one("return_token_ids stream", { return_token_ids: true, ...stream }),
  one("echo", { echo: true }),
  one("echo stream", { echo: true, ...usage }),
  one("echo, logprobs", { echo: true, logprobs: 1 }),
  one("echo, logprobs stream", { echo: true, logprobs: 1, ...stream }),
  one("echo, no tokens", { echo: true, max_tokens: 0, logprobs: 1 }),
  one("echo, logprobs, later", { prompt: text("echo, logprobs", 50) }),
  one("prompt_logprobs", { prompt_logprobs: 2 }),
  one("prompt_logprobs 0 stream", { prompt_logprobs: 0, ...stream }),
  one("prompt_logprobs, later", { prompt: text("prompt_logprobs", 50) }),
  one("include_usage", usage),
  one("continuous_usage_stats", continuous),
];

const several: Case[] = [
  ...[2, 3, 4].map((n) => one(`n ${n}`, { ...sampled, n })),
  ...[2, 4].map((n) => one(`n ${n} stream`, { ...sampled, n, ...usage })),
  one("n 2 stream, continuous usage", { ...sampled, n: 2, ...continuous }),
  one("n 3, no seed, one token allowed", { ...sampled, seed: undefined, n: 3, allowed_token_ids: [100] }),
  one("n 2, logprobs", { ...sampled, n: 2, logprobs: 2 }),
  one("n 2, logprobs stream", { ...sampled, n: 2, logprobs: 2, ...stream }),
  one("n 2, echo", { ...sampled, n: 2, echo: true }),
  one("n 2, echo stream", { ...sampled, n: 2, echo: true, ...stream }),
  one("n 2, echo, logprobs", { ...sampled, n: 2, echo: true, logprobs: 1 }),
  one("n 2, prompt_logprobs", { ...sampled, n: 2, prompt_logprobs: 1 }),
  one("n 2, return_token_ids stream", { ...sampled, n: 2, return_token_ids: true, ...stream }),
  one("n 3, stop", { ...sampled, n: 3, stop: ["a", "e"], max_tokens: 40 }),
  one("n 2, great seed", { ...sampled, n: 2, seed: 9007199254740993n }),
  one("n 2, negative seed stream", { ...sampled, n: 2, seed: -5, ...usage }),
  one("n over max-num-seqs", { ...sampled, n: MAX_SEQUENCES + 4, max_tokens: 4 }),
  one("n over max-num-seqs stream", { ...sampled, n: MAX_SEQUENCES + 4, max_tokens: 4, ...usage }),
  one("n 4, later", { prompt: text("n 4", 50) }),
  one("n over max-num-seqs, later", { prompt: text("n over max-num-seqs", 50) }),
  one("beam search", { use_beam_search: true, n: 3 }),
  one("beam search of one", { use_beam_search: true, n: 1 }),
  one("beam search, length_penalty", { use_beam_search: true, n: 2, length_penalty: 0.5 }),
  one("beam search stream", { use_beam_search: true, n: 2, ...stream }),
  one("beam search, later", { prompt: text("beam search", 50) }),
];

const structured: Case[] = [
  one("response_format json_schema", { response_format: RESPONSE_FORMAT, max_tokens: 60 }),
  one("response_format json_schema stream", { response_format: RESPONSE_FORMAT, max_tokens: 60, ...usage }),
  one("structured_outputs json", { structured_outputs: { json: JSON_SCHEMA }, max_tokens: 60 }),
  one("structured_outputs choice", { structured_outputs: { choice: ["prefill", "decode"] } }),
  one("structured_outputs regex stream", { structured_outputs: { regex: "[0-9]{4}-[0-9]{2}" }, ...stream }),
  one("structured_outputs, n 2", { ...sampled, n: 2, structured_outputs: { choice: ["prefill", "decode"] } }),
];

/** Prompts whose lengths are these numbers of tokens. */
const lists = (name: string, ...counts: number[]) =>
  counts.map((count, index) => ids(`${name} ${index}`, count));
const texts = (name: string, ...words: number[]) =>
  words.map((count, index) => text(`${name} ${index}`, count));

const batches: Case[] = [
  completion("batch of equal ids", lists("batch of equal ids", 70, 70)),
  completion("batch of equal ids, first, later", ids("batch of equal ids 0", 70)),
  completion("batch of equal ids, second, later", ids("batch of equal ids 1", 70)),
  completion(
    "batch of equal ids, second and more, later stream",
    [...ids("batch of equal ids 1", 70), ...ids("more", 40)],
    stream,
  ),
  completion("batch of falling lengths", lists("batch of falling lengths", 100, 60, 20)),
  completion("batch of falling lengths, third, later", ids("batch of falling lengths 2", 20)),
  completion("batch of falling lengths, second, later", ids("batch of falling lengths 1", 60)),
  completion("batch of equal ids stream", lists("batch of equal ids stream", 70, 70), usage),
  completion("batch of equal ids stream, second, later", ids("batch of equal ids stream 1", 70)),
  completion("batch of one block", lists("batch of one block", 32, 32, 32)),
  completion("batch of short texts", ["One", "Two", "Three", "Four"]),
  completion("batch of short texts stream", ["Five", "Six", "Seven"], continuous),
  completion("batch of the same", ["the same prompt twice", "the same prompt twice"]),
  completion("batch, n 2", lists("batch, n 2", 70, 68), { ...sampled, n: 2 }),
  completion("batch, n 2 stream", lists("batch, n 2 stream", 70, 68), { ...sampled, n: 2, ...usage }),
  completion("batch, n 2, continuous usage stream", lists("batch, n 2, c", 70, 40), {
    ...sampled,
    n: 2,
    ...continuous,
  }),
  completion("batch, n 2, second, later", ids("batch, n 2 1", 68)),
  completion("batch, seed", lists("batch, seed", 66, 66, 66), sampled),
  completion("batch, logprobs", lists("batch, logprobs", 70, 70), { logprobs: 2 }),
  completion("batch, logprobs stream", lists("batch, logprobs stream", 70, 70), { logprobs: 2, ...stream }),
  completion("batch, echo", texts("batch, echo", 50, 30), { echo: true }),
  completion("batch, echo stream", texts("batch, echo stream", 50, 30), { echo: true, ...usage }),
  completion("batch, echo, logprobs", texts("batch, echo, logprobs", 50, 30), { echo: true, logprobs: 1 }),
  completion("batch, prompt_logprobs", lists("batch, prompt_logprobs", 70, 40), { prompt_logprobs: 1 }),
  completion("batch, return_token_ids", lists("batch, return_token_ids", 70, 40), { return_token_ids: true }),
  completion("batch, return_token_ids stream", lists("batch, return_token_ids stream", 70, 40), {
    return_token_ids: true,
    ...stream,
  }),
  completion("batch, beam search", lists("batch, beam search", 70, 40), { use_beam_search: true, n: 2 }),
  completion("batch, stop stream", texts("batch, stop stream", 50, 50), {
    stop: ["a", "e"],
    max_tokens: 40,
    ...usage,
  }),
  completion("batch, structured output", texts("batch, structured output", 50, 50), {
    structured_outputs: { choice: ["prefill", "decode"] },
  }),
  completion("batch, cache_salt", texts("batch, cache_salt", 50, 50), { cache_salt: "salt of a batch" }),
  completion("batch of Chinese", [chinese("批一", 60), chinese("批二", 60)]),
  completion(
    "batch of 40",
    lists("batch of 40", ...Array.from({ length: 40 }, (_, index) => 90 - 2 * index)),
    { max_tokens: 4 },
  ),
  completion("batch of 40, last, later", ids("batch of 40 39", 12)),
  completion("batch with an empty text", ["", "not empty"]),
  completion("batch, greedy n 2", lists("batch, greedy n 2", 40, 40), { n: 2 }),
];

/** Each later prompt has more blocks than prefill kept for the first: with its parameters, decode's worker ends. */
const growingBatches: Case[] = [
  completion("batch of growing lengths", lists("batch of growing lengths", 20, 60, 100)),
  completion("batch of growing lengths, third, later", ids("batch of growing lengths 2", 100)),
  completion("batch of growing texts stream", texts("batch of growing texts", 5, 80), usage),
  completion("batch of growing texts, second, later", text("batch of growing texts 1", 80)),
];

const chats: Case[] = [
  chat("chat"),
  chat("chat stream", stream),
  chat("chat, include_usage", usage),
  chat("chat, continuous_usage_stats", continuous),
  chat("chat, seed", sampled),
  chat("chat in turns", {
    messages: [
      { role: "user", content: text("chat in turns", 30) },
      { role: "assistant", content: text("answer", 20) },
      { role: "user", content: [{ type: "text", text: text("in parts", 20) }] },
    ],
  }),
  chat("chat in Chinese stream", { messages: [{ role: "user", content: chinese("聊天", 90) }], ...usage }),
  chat("long chat", { messages: [{ role: "user", content: text("long chat", 400) }] }),
  chat("chat, max_completion_tokens", { max_tokens: undefined, max_completion_tokens: 9 }),
  chat("chat, both limits", { max_tokens: 5, max_completion_tokens: 9 }),
  ...[2, 3, 4].map((n) => chat(`chat, n ${n}`, { ...sampled, n })),
  ...[2, 4].map((n) => chat(`chat, n ${n} stream`, { ...sampled, n, ...usage })),
  chat("chat, n 2 stream, continuous usage", { ...sampled, n: 2, ...continuous }),
  chat("chat, n 2, logprobs stream", { ...sampled, n: 2, logprobs: true, top_logprobs: 2, ...stream }),
  chat("chat, n 2, return_token_ids", { ...sampled, n: 2, return_token_ids: true }),
  chat("chat, n 2, return_token_ids stream", { ...sampled, n: 2, return_token_ids: true, ...stream }),
  chat("chat, n over max-num-seqs stream", { ...sampled, n: MAX_SEQUENCES + 4, max_tokens: 4, ...usage }),
  chat("chat, n 2, echo stream", {
    ...sampled,
    n: 2,
    echo: true,
    messages: [
      { role: "user", content: text("chat, n 2, echo stream", 30) },
      { role: "assistant", content: "The cache" },
    ],
    add_generation_prompt: false,
    continue_final_message: true,
    ...stream,
  }),
  chat("chat, logprobs", { logprobs: true, top_logprobs: 3 }),
  chat("chat, logprobs stream", { logprobs: true, top_logprobs: 3, ...stream }),
  chat("chat, prompt_logprobs", { prompt_logprobs: 1 }),
  chat("chat, n 2, prompt_logprobs", { ...sampled, n: 2, prompt_logprobs: 1 }),
  chat("chat, return_token_ids", { return_token_ids: true }),
  chat("chat, return_token_ids stream", { return_token_ids: true, ...stream }),
  chat("chat, echo", {
    echo: true,
    messages: [
      { role: "user", content: text("chat, echo", 30) },
      { role: "assistant", content: "The cache" },
    ],
    add_generation_prompt: false,
    continue_final_message: true,
  }),
  chat("chat, beam search", { use_beam_search: true, n: 2 }),
  chat("chat, beam search stream", { use_beam_search: true, n: 2, ...usage }),
  chat("chat, stop", { stop: ["a", "e"], max_tokens: 40 }),
  chat("chat, cache_salt", { cache_salt: "salt of one chat" }),
  chat("chat, tools auto", { tools: TOOLS }),
  chat("chat, tools auto stream", { tools: TOOLS, ...usage }),
  chat("chat, tools none", { tools: TOOLS, tool_choice: "none" }),
  chat("chat, tools required", { tools: TOOLS, tool_choice: "required", max_tokens: 80 }),
  chat("chat, tools required stream", { tools: TOOLS, tool_choice: "required", max_tokens: 80, ...usage }),
  chat("chat, tool named", {
    tools: TOOLS,
    tool_choice: { type: "function", function: { name: "drain" } },
    max_tokens: 80,
  }),
  chat("chat, tool named stream", {
    tools: TOOLS,
    tool_choice: { type: "function", function: { name: "drain" } },
    max_tokens: 80,
    ...stream,
  }),
  chat("chat, tools required, n 2", {
    ...sampled,
    n: 2,
    tools: TOOLS,
    tool_choice: "required",
    max_tokens: 80,
  }),
  chat("chat, tools required, n 2 stream", {
    ...sampled,
    n: 2,
    tools: TOOLS,
    tool_choice: "required",
    max_tokens: 80,
    ...usage,
  }),
  chat("chat after a tool's call", {
    tools: TOOLS,
    messages: [
      { role: "user", content: text("chat after a tool's call", 30) },
      {
        role: "assistant",
        tool_calls: [
          {
            id: "call-1",
            type: "function",
            function: { name: "drain", arguments: '{"role":"decode","ready":true}' },
          },
        ],
      },
      { role: "tool", tool_call_id: "call-1", content: "drained" },
    ],
  }),
  chat("chat, json_schema", { response_format: RESPONSE_FORMAT, max_tokens: 60 }),
  chat("chat, json_schema stream", { response_format: RESPONSE_FORMAT, max_tokens: 60, ...usage }),
  chat("chat, structured_outputs choice", { structured_outputs: { choice: ["prefill", "decode"] } }),
];

const response = (name: string, fields: Fields = {}): Case => ({
  name: `response, ${name}`,
  path: RESPONSES,
  body: {
    model: MODEL,
    temperature: 0,
    max_output_tokens: 12,
    instructions: `For response, ${name}.`,
    input: text(`response, ${name}`, 50),
    ...fields,
  },
});
const RESPONSE_TOOLS = TOOLS.map(({ type, function: called }) => ({ type, ...called }));

const responses: Case[] = [
  response("plain"),
  response("stream", stream),
  response("items", {
    input: [
      { role: "user", content: [{ type: "input_text", text: text("response, items", 20) }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: text("answered", 9) }] },
      { role: "user", content: text("and again", 20) },
    ],
  }),
  response("Chinese stream", { input: chinese("回答", 90), ...stream }),
  response("seed", { temperature: 0.8, seed: 7 }),
  response("stop", { stop: ["a", "e"], max_output_tokens: 40 }),
  response("end token first", { logit_bias: { 2: 100 } }),
  response("end token first stream", { logit_bias: { 2: 100 }, ...stream }),
  response("stop_token_ids", { logit_bias: { 100: 100 }, stop_token_ids: [100] }),
  response("ignore_eos", { logit_bias: { 2: 100 }, ignore_eos: true }),
  response("logprobs", { include: ["message.output_text.logprobs"], top_logprobs: 2 }),
  // Streamed, vLLM loses those of a token without a text, unless another shares its event.
  response("tools auto", { tools: RESPONSE_TOOLS }),
  response("tools required", { tools: RESPONSE_TOOLS, tool_choice: "required", max_output_tokens: 80 }),
  response("tools required stream", {
    tools: RESPONSE_TOOLS,
    tool_choice: "required",
    max_output_tokens: 80,
    ...stream,
  }),
  response("tools named", { tools: RESPONSE_TOOLS, tool_choice: { type: "function", name: "join" } }),
  response("engine's tool", { tools: [{ type: "code_interpreter", container: { type: "auto" } }] }),
  response("json_schema", {
    text: { format: { type: "json_schema", name: "instance", schema: JSON_SCHEMA } },
    max_output_tokens: 60,
  }),
  response("truncation auto", { truncation: "auto" }),
  response("truncation auto over the context", { truncation: "auto", input: text("truncation auto", 2000) }),
  response("background", { background: true }),
  response("background stream", { background: true, ...stream }),
  response("store false, metadata, user", { store: false, metadata: { a: "b" }, user: "someone" }),
  response("input missing", { input: undefined }),
  response("input empty", { input: [] }),
  response("max_output_tokens 0", { max_output_tokens: 0 }),
  response("max_output_tokens over the context", { max_output_tokens: 100_000 }),
  response("over the context", { input: text("over the context", 2000) }),
  response("background without store", { background: true, store: false }),
  response("tool_choice without tools", { tool_choice: "required" }),
  response("temperature -1", { temperature: -1 }),
  response("previous unknown", { previous_response_id: "resp_unknown" }),
];

const message = (name: string, fields: Fields = {}): Case => ({
  name: `message, ${name}`,
  path: MESSAGES,
  body: {
    ...greedy,
    system: `For message, ${name}.`,
    messages: [{ role: "user", content: text(`message, ${name}`, 50) }],
    ...fields,
  },
});
const MESSAGE_TOOLS = [{ name: "join", input_schema: { type: "object", properties: {} } }];

const messages: Case[] = [
  message("plain"),
  message("stream", stream),
  message("parts", {
    messages: [{ role: "user", content: [{ type: "text", text: text("message, parts", 40) }] }],
  }),
  message("stop_sequences", { stop_sequences: ["a", "e"], max_tokens: 40 }),
  message("tools auto stream", { tools: MESSAGE_TOOLS, ...stream }),
  message("tools any", { tools: MESSAGE_TOOLS, tool_choice: { type: "any" }, max_tokens: 60 }),
  message("tool named stream", {
    tools: MESSAGE_TOOLS,
    tool_choice: { type: "tool", name: "join" },
    ...stream,
  }),
  message("json_schema", {
    output_config: { format: { type: "json_schema", schema: JSON_SCHEMA } },
    max_tokens: 60,
  }),
  message("messages missing", { messages: undefined }),
  message("max_tokens 0", { max_tokens: 0 }),
  message("over the context", { messages: [{ role: "user", content: text("over the context", 2000) }] }),
];

const refused: Case[] = [
  one("temperature -1", { temperature: -1 }),
  one("temperature a text", { temperature: "hot" }),
  one("top_p 2", { top_p: 2 }),
  one("n 0", { n: 0 }),
  one("n -1", { n: -1 }),
  one("n a text", { n: "two" }),
  one("n 2, greedy", { n: 2 }),
  one("n 2, greedy stream", { n: 2, ...stream }),
  one("n 100000", { ...sampled, n: 100_000 }),
  one("max_tokens -1", { max_tokens: -1 }),
  one("max_tokens 0", { max_tokens: 0 }),
  one("max_tokens over the context", { max_tokens: 100_000 }),
  one("min_tokens over max_tokens", { min_tokens: 50 }),
  one("logprobs -5", { logprobs: -5 }),
  one("logprobs 1000", { logprobs: 1000 }),
  one("stop empty", { stop: "" }),
  one("suffix", { suffix: "end" }),
  one("stream_options without stream", { stream_options: { include_usage: true } }),
  one("prompt_logprobs stream", { prompt_logprobs: 1, ...stream }),
  one("bad schema", { structured_outputs: { json: { type: "nonsense" } } }),
  one("prompt missing", { prompt: undefined }),
  one("prompt empty", { prompt: "" }),
  one("prompt no prompts", { prompt: [] }),
  one("prompt a number", { prompt: 5 }),
  one("prompt mixed", { prompt: ["text", 5] }),
  one("prompt with a negative id", { prompt: [5, -5] }),
  one("prompt with too great an id", { prompt: [5, 100_000] }),
  one("batch with too great an id", { prompt: [[5], [100_000]] }),
  one("batch with too great an id stream", { prompt: [[5], [100_000]], ...stream }),
  one("prompt over the context", { prompt: ids("prompt over the context", 3000) }),
  one("batch over the context", { prompt: lists("batch over the context", 50, 3000) }),
  one("batch over the limit", { prompt: Array.from({ length: 5000 }, () => [5]) }),
  one("seed over 64 bits", { seed: 2n ** 64n }),
  one("seed at the end, n 2", { ...sampled, n: 2, seed: 2n ** 63n - 1n }),
  chat("chat, no messages", { messages: [] }),
  chat("chat, tool_choice without tools", { tool_choice: "required" }),
  chat("chat, tool_choice unknown", {
    tools: TOOLS,
    tool_choice: { type: "function", function: { name: "no" } },
  }),
  chat("chat, n 2, greedy", { n: 2 }),
  chat("chat, n 0", { n: 0 }),
  chat("chat, top_logprobs without logprobs", { top_logprobs: 3 }),
  { name: "not JSON", path: COMPLETIONS, raw: '{"prompt": ', body: {} },
  one("model unknown", { model: "another" }),
];

export const CASES: readonly Case[] = [
  ...onePrompt,
  ...sampling,
  ...logprobs,
  ...several,
  ...structured,
  ...batches,
  ...chats,
  ...responses,
  ...messages,
  ...refused,
  ...growingBatches,
];

const names = CASES.map(({ name }) => name);
const twice = names.filter((name, index) => names.indexOf(name) !== index);
if (twice.length > 0) throw new Error(`Cases of the same name: ${twice.join(", ")}`);
