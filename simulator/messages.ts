import type { ServerResponse } from "node:http";
import type { JsonBody } from "./body.ts";
import { eventStream, whileThere } from "./completion.ts";
import type { End, Engine } from "./engine.ts";
import { ApiError, internalError, invalidBody } from "./errors.ts";
import { checkModel, type GenerationRequest, parseRequest, type RequestLimits } from "./request.ts";
import { chatTokens } from "./tokenizer.ts";

/*
 * Anthropic's API, which vLLM answers from a chat.
 */

interface Message {
  readonly id: string;
  readonly model: string;
  readonly request: GenerationRequest;
}

/** POST /v1/messages. Throws ApiError. */
export function message(
  engine: Engine,
  body: JsonBody,
  limits: RequestLimits,
  id: string,
  response: ServerResponse,
): Promise<void> {
  requireFields(body, ["model", "messages", "max_tokens"]);
  const request = parseRequest("chat", asChat(body), limits, engine);
  const asked = { id, model: limits.servedModelName, request };
  const send = request.stream ? sendStream : sendPlain;
  return whileThere(engine, response, (signal) => send(engine, asked, response, signal));
}

/** POST /v1/messages/count_tokens. Throws ApiError. */
export function countMessage(body: JsonBody, { servedModelName }: RequestLimits): object {
  requireFields(body, ["model", "messages"]);
  checkModel(body.fields.model, servedModelName);
  const tokens = chatTokens(asChat(body).fields.messages).length;
  return { input_tokens: tokens, context_management: { original_input_tokens: tokens } };
}

function requireFields({ fields }: JsonBody, names: readonly string[]): void {
  for (const name of names)
    if ((fields[name] ?? undefined) === undefined) throw invalidBody("missing", [name], "Field required");
}

/** The text stays: tokens are made from it, and both legs have the same. */
function asChat({ text, fields }: JsonBody): JsonBody {
  const { system, messages, tool_choice, max_completion_tokens, ...others } = fields;
  const turns =
    Array.isArray(messages) && system ? [{ role: "system", content: system }, ...messages] : messages;
  return { text, fields: { ...others, messages: turns } };
}

async function sendPlain(
  engine: Engine,
  { id, model, request }: Message,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let text = "";
  let stop: object = {};
  const params = await engine.generate(
    request,
    () => id,
    signal,
    (_, token, end) => {
      text += token;
      stop = stopOf(end);
    },
  );
  const content = [{ type: "text", text }];
  const answer = { id, type: "message", role: "assistant", content, model, ...stop };
  const members = JSON.stringify({ ...answer, usage: usage(request) }).slice(0, -1);
  const body = `${members}${params === "null" ? "" : `,"kv_transfer_params":${params}`}}`;
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function sendStream(
  engine: Engine,
  { id, model, request }: Message,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const write = eventStream(response, signal);
  const begin = {
    id,
    type: "message",
    role: "assistant",
    content: [],
    model,
    stop_reason: null,
    stop_sequence: null,
  };
  let stop: object = {};
  let before =
    event("message_start", { message: { ...begin, usage: usage(request, 0) } }) +
    event("content_block_start", { content_block: { type: "text", text: "" }, index: 0 });
  try {
    await engine.generate(
      request,
      () => id,
      signal,
      (_, text, end) => {
        stop = stopOf(end);
        const first = before;
        before = "";
        return write(first + event("content_block_delta", { delta: { type: "text_delta", text }, index: 0 }));
      },
    );
    await write(
      event("content_block_stop", { index: 0 }) +
        event("message_delta", {
          delta: { stop_sequence: null, ...stop },
          usage: usage(request),
        }) +
        event("message_stop", {}),
    );
  } catch (error) {
    signal.throwIfAborted();
    const { message } = error instanceof ApiError ? error : internalError();
    await write(event("error", { error: { type: "internal_error", message } }));
  }
  response.end();
}

/** vLLM takes what ends a chat otherwise than by its length or end for a stop sequence. */
function stopOf(end: End | undefined): object {
  return end === "recomputed"
    ? { stop_reason: "stop_sequence", stop_sequence: end }
    : { stop_reason: "max_tokens" };
}

function event(type: string, rest: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

function usage({ prompts: [prompt] }: GenerationRequest, output = prompt?.maxTokens): object {
  return { input_tokens: prompt?.tokens.length, output_tokens: output };
}
