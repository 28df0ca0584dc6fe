/** The grammar that request and response heads share: RFC 9112 §2.2, §5, §6, RFC 9110 §5.5–5.6. */

export const MAX_HEAD_BYTES = 16 * 1024;
const MAX_FIELDS = 100;

/** A message that does not follow HTTP/1.1. `status` is what a client that sent it is answered. */
export class HttpSyntaxError extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.name = "HttpSyntaxError";
    this.status = status;
  }
}

export interface Field {
  /** In lower case. */
  readonly name: string;
  /** Without the white space around it; one character per byte (latin1). */
  readonly value: string;
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * Where the head ends (the index behind its empty line), or -1 while it is incomplete. `from` is how many bytes
 * an earlier call has seen. A line that ends without CR is refused when it is seen: waiting for the rest of such
 * a head would only end at the time limit.
 */
export function findHeadEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw new HttpSyntaxError("a line of the head ends without CR");
    if (at === 1 || bytes[at - 2] === LF) return limited(at + 1);
  }
  limited(bytes.length);
  return -1;
}

function limited(length: number): number {
  if (length <= MAX_HEAD_BYTES) return length;
  throw new HttpSyntaxError(`the head is larger than ${MAX_HEAD_BYTES} bytes`, 431);
}

/** The lines of a head that `findHeadEnd` found, without the empty one. */
export function headLines(head: Buffer): string[] {
  return head.toString("latin1", 0, head.length - 4).split("\r\n");
}

// No underscore: some servers read `Transfer_Encoding` as `Transfer-Encoding`.
const FIELD_NAME = /^[!#$%&'*+\-.^`|~0-9A-Za-z]+$/;
const FRAMING_NAME = /^(?:content-length|transfer-encoding)$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Parses all lines but the first. */
export function parseFields(lines: readonly string[]): Field[] {
  if (lines.length - 1 > MAX_FIELDS) throw new HttpSyntaxError(`more than ${MAX_FIELDS} header fields`, 431);
  const fields: Field[] = [];
  for (let i = 1; i < lines.length; i++) fields.push(parseField(lines[i] ?? ""));
  return fields;
}

export function parseField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!FIELD_NAME.test(name)) throw new HttpSyntaxError("a header field has no valid name");
  if (!FIELD_VALUE.test(line)) throw new HttpSyntaxError("a header field has a control character");
  const field = { name: name.toLowerCase(), value: trimmed(line, colon + 1) };
  // Legal white space, but parsers disagree on it here, and a body that two parsers see end at different places can
  // hide a request.
  if (line.includes("\t") && FRAMING_NAME.test(field.name)) {
    throw new HttpSyntaxError(`a tab in ${field.name}`);
  }
  return field;
}

/** OWS is space and tab only; `String.trim` would take bytes that mean something. */
export function trimmed(line: string, from = 0): string {
  let start = from;
  let end = line.length;
  while (start < end && (line[start] === " " || line[start] === "\t")) start++;
  while (end > start && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  return line.slice(start, end);
}

/** The value of a field that may stand once; `undefined` when it is absent. */
export function soleValue(fields: readonly Field[], name: string): string | undefined {
  let found: string | undefined;
  for (const field of fields) {
    if (field.name !== name) continue;
    if (found !== undefined) throw new HttpSyntaxError(`more than one ${name} header`);
    found = field.value;
  }
  return found;
}

/** The same where it is no error that the field stands several times: it counts as absent then. */
export function valueIfSole(fields: readonly Field[], name: string): string | undefined {
  let found: string | undefined;
  for (const field of fields) {
    if (field.name !== name) continue;
    if (found !== undefined) return undefined;
    found = field.value;
  }
  return found;
}

/** The lower-case tokens of a list field (`Connection: close, x`), all its lines together. */
export function listTokens(fields: readonly Field[], name: string): string[] {
  const tokens: string[] = [];
  for (const field of fields) {
    if (field.name === name)
      for (const token of field.value.split(",")) tokens.push(token.trim().toLowerCase());
  }
  return tokens;
}

/** What a head says about the body behind it. Both absent: none in a request, until the end in a response. */
export interface Framing {
  readonly chunked: boolean;
  readonly length: number | undefined;
}

/** RFC 9112 §6.3, without its leniency: one way to say the length, said once. */
export function parseFraming(fields: readonly Field[], minor: number): Framing {
  const length = soleValue(fields, "content-length");
  const coding = soleValue(fields, "transfer-encoding");
  if (length !== undefined && !/^[0-9]+$/.test(length)) throw new HttpSyntaxError("invalid Content-Length");
  if (coding === undefined) return { chunked: false, length: length === undefined ? length : Number(length) };
  if (length !== undefined) throw new HttpSyntaxError("both Content-Length and Transfer-Encoding");
  if (minor === 0) throw new HttpSyntaxError("Transfer-Encoding in HTTP/1.0");
  if (coding.toLowerCase() !== "chunked") throw new HttpSyntaxError("Transfer-Encoding is not `chunked`");
  return { chunked: true, length: undefined };
}
