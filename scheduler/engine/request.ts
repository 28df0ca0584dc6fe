import { type Piece, totalLength } from "../data/pieces.ts";
import { type Field, listTokens, valueIfSole } from "../http/head.ts";
import { requestHead } from "../http/write.ts";
import type { Instance } from "../instances/instances.ts";
import type { EngineRequest } from "./exchange.ts";

/** What of a client's head an engine gets to see. */
const FORWARDED = ["authorization", "x-session-id", "x-vllm-priority"];

/**
 * A request to `instance`: its head is made new, nothing in it decides where the client's bytes go or end.
 * `forwarded` is what `forwardedFields` gave.
 */
export function engineRequest(
  instance: Instance,
  path: string,
  id: string,
  forwarded: string,
  body?: readonly Piece[],
): EngineRequest {
  const { rank, pool, authorization } = instance;
  const pinned = rank === undefined ? "" : `X-data-parallel-rank: ${rank}\r\n`;
  const fields = `Host: ${pool.authority}\r\nX-Request-Id: ${id}\r\n${pinned}${authorization}${forwarded}`;
  if (body === undefined) return { id, pieces: [requestHead("GET", path, fields)] };
  const framing = `Content-Type: application/json\r\nContent-Length: ${totalLength(body)}\r\n`;
  return { id, pieces: [requestHead("POST", path, fields + framing), ...body] };
}

/** The line that shows engines their key, if they want one. */
export function authorizationLine(key: string | undefined): string {
  return key === undefined ? "" : `Authorization: Bearer ${key}\r\n`;
}

/** The lines to pass on: listed, standing once, and not declared to concern this connection only. */
export function forwardedFields(fields: readonly Field[]): string {
  let lines = "";
  for (const name of FORWARDED) {
    const value = valueIfSole(fields, name);
    if (value !== undefined && !listTokens(fields, "connection").includes(name))
      lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
