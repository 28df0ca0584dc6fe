import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** What vLLM guards with its key. The rest is open to everybody: `/health`, `/metrics`, `/tokenize`. */
const GUARDED = ["/v1", "/v2", "/inference", "/cohere"];

/** Whether a request has the key, or needs none, as vLLM decides it. */
export function isAllowed({ method, url = "", headers }: IncomingMessage, key: string | undefined): boolean {
  if (key === undefined || method === "OPTIONS" || !GUARDED.some((prefix) => url.startsWith(prefix)))
    return true;
  const [, scheme = "", given = ""] = /^([^ ]*) (.*)$/.exec(headers.authorization ?? "") ?? [];
  return scheme.toLowerCase() === "bearer" && timingSafeEqual(digestOf(given), digestOf(key));
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
