import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { End, Engine } from "./engine.ts";
import { ApiError, internalError } from "./errors.ts";
import type { GenerationRequest } from "./request.ts";
import {
  type Answer,
  engineRequestId,
  lastChunk,
  type Made,
  plainAnswer,
  roleChunk,
  tokenChunk,
  usageChunk,
} from "./responses.ts";

/** Generates and answers. */
export function complete(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  const send = request.stream ? sendStream : sendPlain;
  return whileThere(engine, response, (signal) => send(engine, request, answer, response, signal));
}

/** Does `work` for a client, whose going away ends it at once. */
export async function whileThere(
  engine: Engine,
  response: ServerResponse,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const clientGone = new AbortController();
  response.on("close", () => clientGone.abort());
  // It may have gone while the request was read.
  if (response.closed) clientGone.abort();
  engine.checkAlive();
  try {
    await work(clientGone.signal);
  } catch (error) {
    if (!clientGone.signal.aborted) throw error;
  }
}

/**
 * Begins an event stream, and writes to it. Like vLLM, sends the head before the work begins: what fails later is told by
 * an event in a 200 answer.
 */
export function eventStream(response: ServerResponse, signal: AbortSignal): (text: string) => Promise<void> {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  let drained: Promise<unknown> | undefined;
  return async (text) => {
    if (response.write(text)) return;
    drained ??= once(response, "drain", { signal }).finally(() => {
      drained = undefined;
    });
    await drained;
  };
}

async function sendPlain(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const made = nothingOf(request);
  const ids = (prompt: number) => engineRequestId(answer, prompt);
  const kvTransferParams = await engine.generate(request, ids, signal, (choice, token, end) => {
    take(made, choice, token, end);
  });
  const body = plainAnswer(answer, request, made, kvTransferParams);
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function sendStream(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const write = eventStream(response, signal);
  const send = (...events: object[]) =>
    write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  const ids = (prompt: number) => engineRequestId(answer, prompt);
  const all = nothingOf(request);
  let open = all.length;
  let roles = answer.endpoint === "chat" ? all.map((_, choice) => roleChunk(answer, choice, request)) : [];
  try {
    await engine.generate(request, ids, signal, (choice, token, end) => {
      const before = roles;
      roles = [];
      if (end) open -= 1;
      const chunk = tokenChunk(answer, choice, token, take(all, choice, token, end), request);
      return send(...before, open === 0 && !request.includeUsage ? lastChunk(answer, chunk) : chunk);
    });
    if (request.includeUsage) await send(lastChunk(answer, usageChunk(answer, request, all)));
  } catch (error) {
    signal.throwIfAborted();
    const { body } = error instanceof ApiError ? error : internalError();
    await send(body);
  }
  response.end("data: [DONE]\n\n");
}

/** For each of the answer's choices: the samples of the first prompt, those of the second, … */
function nothingOf({ prompts }: GenerationRequest): Made[] {
  return prompts
    .flatMap(({ hashes }) => hashes.samples)
    .map(() => ({ text: "", tokens: [], end: undefined }));
}

/** What there is of the choice with this. */
function take(all: readonly Made[], choice: number, token: string, end: End | undefined): Made {
  const made = all[choice];
  if (made === undefined) throw new Error(`there is no choice ${choice}`);
  made.text += token;
  if (token !== "") made.tokens.push(token);
  made.end = end;
  return made;
}
