import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Engine } from "./engine.ts";
import { ApiError, internalError } from "./errors.ts";
import type { GenerationRequest } from "./request.ts";
import { type Answer, engineRequestId, plainAnswer, roleChunk, tokenChunk, usageChunk } from "./responses.ts";

/** Generates and answers. A client that goes away ends the generation at once. */
export async function complete(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  const clientGone = new AbortController();
  response.on("close", () => clientGone.abort());
  try {
    const send = request.stream ? sendStream : sendPlain;
    await send(engine, request, answer, response, clientGone.signal);
  } catch (error) {
    if (!clientGone.signal.aborted) throw error;
  }
}

async function sendPlain(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let text = "";
  const kvTransferParams = await engine.generate(request, engineRequestId(answer), signal, (token) => {
    text += token;
  });
  const body = plainAnswer(answer, request, text, kvTransferParams);
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

/** Like vLLM, sends the head before the work begins: what fails later is told by an event in a 200 answer. */
async function sendStream(
  engine: Engine,
  request: GenerationRequest,
  answer: Answer,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  const send = async (data: string) => {
    if (!response.write(`data: ${data}\n\n`)) await once(response, "drain", { signal });
  };
  let tokens = 0;
  try {
    await engine.generate(request, engineRequestId(answer), signal, async (token) => {
      if (tokens === 0 && answer.endpoint === "chat") await send(JSON.stringify(roleChunk(answer)));
      tokens += 1;
      await send(JSON.stringify(tokenChunk(answer, token, tokens === request.maxTokens)));
    });
    if (request.includeUsage) await send(JSON.stringify(usageChunk(answer, request)));
  } catch (error) {
    signal.throwIfAborted();
    const { body } = error instanceof ApiError ? error : internalError();
    await send(JSON.stringify(body));
  }
  await send("[DONE]");
  response.end();
}
