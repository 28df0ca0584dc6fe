import {
  type Field,
  type Framing,
  HttpSyntaxError,
  headLines,
  listTokens,
  parseFields,
  parseFraming,
  soleValue,
} from "./head.ts";

export interface RequestHead {
  readonly method: string;
  /** The target without its query. */
  readonly path: string;
  /** What stands behind its first `?`. */
  readonly query: string;
  /** Minor version: 0 or 1. */
  readonly minor: number;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Whether the client wants the connection kept. HTTP/1.0's keep-alive is not spoken. */
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP\/[0-9]\.[0-9])$/;
/** No method that is in use is longer; such a one is not implemented (RFC 9112 §3), and not logged. */
const MAX_METHOD_LENGTH = 32;
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$/;

/** Parses a whole request head. Throws HttpSyntaxError; after that the connection cannot be used again. */
export function parseRequestHead(bytes: Buffer): RequestHead {
  const lines = headLines(bytes);
  const [, method, target, version] = REQUEST_LINE.exec(lines[0] ?? "") ?? [];
  if (method === undefined || target === undefined || version === undefined) {
    throw new HttpSyntaxError("malformed request line");
  }
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    throw new HttpSyntaxError("only HTTP/1.0 and HTTP/1.1 are spoken", 505);
  }
  if (method.length > MAX_METHOD_LENGTH) throw new HttpSyntaxError("there is no such method", 501);
  // Anything but the origin form would name a second authority beside Host.
  if (!target.startsWith("/") || target.includes("#")) throw new HttpSyntaxError("malformed request target");
  const fields = parseFields(lines);
  requireHost(soleValue(fields, "host"));
  const minor = version === "HTTP/1.1" ? 1 : 0;
  const expect = soleValue(fields, "expect")?.toLowerCase();
  if (expect !== undefined && expect !== "100-continue") {
    throw new HttpSyntaxError("only `Expect: 100-continue` can be met", 417);
  }
  const query = target.indexOf("?");
  return {
    method,
    path: query === -1 ? target : target.slice(0, query),
    query: query === -1 ? "" : target.slice(query + 1),
    minor,
    fields,
    framing: parseFraming(fields, minor),
    keepAlive: minor === 1 && !listTokens(fields, "connection").includes("close"),
    expectsContinue: minor === 1 && expect !== undefined,
  };
}

function requireHost(value: string | undefined): void {
  const match = HOST.exec(value ?? "");
  if (match === null || Number(match[1] ?? 0) > 65535) {
    throw new HttpSyntaxError("exactly one valid Host header is needed");
  }
}
