import {
  type Field,
  type Framing,
  HttpSyntaxError,
  headLines,
  listTokens,
  parseFields,
  parseFraming,
} from "./head.ts";

export interface ResponseHead {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Whether the sender keeps the connection after this answer. */
  readonly keepAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: .*)?$/;

/** Parses a whole response head, interim ones (1xx) included. Throws HttpSyntaxError. */
export function parseResponseHead(bytes: Buffer): ResponseHead {
  const lines = headLines(bytes);
  const [, minorText, status] = STATUS_LINE.exec(lines[0] ?? "") ?? [];
  if (minorText === undefined) throw new HttpSyntaxError("malformed status line");
  const fields = parseFields(lines);
  const minor = Number(minorText);
  const framing = parseFraming(fields, minor);
  if (!Number.isSafeInteger(framing.length ?? 0))
    throw new HttpSyntaxError("a Content-Length beyond counting");
  return {
    status: Number(status),
    fields,
    framing,
    keepAlive:
      minor === 1 &&
      (framing.chunked || framing.length !== undefined) &&
      !listTokens(fields, "connection").includes("close"),
  };
}
