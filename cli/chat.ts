import { FixableError } from "../problems/fixable-error.ts";
import { eventData } from "./event-data.ts";

/**
 * Sends one chat completion and gives its text piece by piece as it streams in.
 * Throws with the server's own words when it refuses, and when the stream ends without `[DONE]`. `begun` is told the id
 * that the server has given to the request.
 */
export async function* streamChat(
  endpoint: string,
  model: string,
  prompt: string,
  maxTokens: number,
  begun: (id: string) => void = () => {},
  key = "",
): AsyncGenerator<string> {
  const response = await fetch(`${endpoint}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({
      model,
      stream: true,
      max_tokens: maxTokens,
      messages: [{ role: "user", content: prompt }],
    }),
    signal: AbortSignal.timeout(120_000),
  }).catch((error: Error) => {
    throw failed(`${endpoint} does not answer: ${reasonOf(error)}`);
  });
  if (!response.ok || response.body === null) {
    throw failed(`${endpoint} answered ${response.status}: ${await response.text()}`);
  }
  begun(response.headers.get("x-request-id") ?? "");
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw failed(`the answer broke off: ${chunk.error.message}`);
    const piece: unknown = chunk.choices?.[0]?.delta?.content;
    if (typeof piece === "string" && piece !== "") yield piece;
  }
  throw failed("the answer broke off before it was complete");
}

/** The data of each event. What is no data, such as a comment that keeps the connection alive, is left out. */
async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const cut = eventData();
  try {
    for await (const text of body.pipeThrough(new TextDecoderStream())) yield* cut(text);
  } catch (error) {
    throw failed(`the answer broke off: ${reasonOf(error as Error)}`);
  }
}

const failed = (message: string): FixableError =>
  new FixableError(
    message,
    "`ascend-pd status` says how a stack is, and `ascend-pd logs` what it has to say",
  );

function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? cause.message : message;
}
