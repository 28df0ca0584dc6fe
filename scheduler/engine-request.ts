import type { EngineRequest } from "./exchange.ts";
import { type Field, listTokens } from "./http/head.ts";
import { requestHead, totalLength } from "./http/write.ts";
import type { Instance } from "./instances.ts";

/** What of a client's head an engine gets to see. */
const FORWARDED = ["authorization", "traceparent", "tracestate"];

/** A request to `instance`: its head is made new, nothing in it decides where the client's bytes go or end. */
export function engineRequest(
  instance: Instance,
  path: string,
  id: string,
  forwarded: readonly Field[],
  body?: readonly Buffer[],
): EngineRequest {
  const headers: [string, string][] = [
    ["Host", instance.pool.authority],
    ["X-Request-Id", id],
    ...forwarded.map(({ name, value }): [string, string] => [name, value]),
  ];
  if (body !== undefined) {
    headers.push(["Content-Type", "application/json"], ["Content-Length", String(totalLength(body))]);
  }
  const head = requestHead(body === undefined ? "GET" : "POST", path, headers);
  return { pieces: [head, ...(body ?? [])] };
}

/** The fields to pass on: listed, standing once, and not declared to concern this connection only. */
export function forwardedFields(fields: readonly Field[]): Field[] {
  const hopByHop = listTokens(fields, "connection");
  return FORWARDED.flatMap((name) => {
    const found = fields.filter((field) => field.name === name);
    return found.length === 1 && !hopByHop.includes(name) ? found : [];
  });
}
