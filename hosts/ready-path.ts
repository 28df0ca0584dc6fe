import { request } from "../docker/http.ts";

/** Loaded where it is needed: probes are many, and start often. */
const requestOf = (url: string): typeof request =>
  url.startsWith("https:") ? process.getBuiltinModule("node:https").request : request;

/** What comes from an instance's ready path: `ready`, or `HTTP 503`, or why no answer does. Never rejects. */
export function answerAt(url: string): Promise<string> {
  return new Promise((resolve) => {
    const call = requestOf(url)(url, { agent: false, signal: AbortSignal.timeout(5_000) }, (answer) => {
      const { statusCode = 0 } = answer;
      resolve(statusCode >= 200 && statusCode < 300 ? "ready" : `HTTP ${statusCode}`);
      answer.destroy();
    });
    call.on("error", (error) => resolve(reasonOf(error)));
    call.end();
  });
}

/** Why a request failed, in words: the message of a failed `fetch` is only ever "fetch failed". */
export function reasonOf(error: Error): string {
  const cause = error.cause ?? error;
  // One address of several, when none of them answered; their common error has no message.
  const inner = cause instanceof AggregateError ? cause.errors.at(-1) : cause;
  return inner instanceof Error ? inner.message : error.message;
}
