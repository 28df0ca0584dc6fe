import { type EngineError, Failure } from "../errors.ts";
import type { ResponseHead } from "../http/response.ts";
import type { Instance } from "../instances/instances.ts";
import { scanIfObject } from "../json/spans.ts";

const MAX_MESSAGE_LENGTH = 4096;

/** An engine's error as the client may see it: its status, its words, when to come again. Never throws. */
export function refusal({ role, hosts }: Instance, { status, fields }: ResponseHead, body: Buffer): Failure {
  const wait = fields.find(({ name }) => name === "retry-after")?.value ?? "";
  const isWait = /^(?:[0-9]{1,6}|[A-Za-z]{3}, [0-9A-Za-z: ]{20,24})$/.test(wait);
  const detail = `${role} answered with status ${status}`;
  return told(role, status, readEngineError(parse(body), hosts), {
    detail,
    ...(isWait ? { retryAfter: wait } : {}),
  });
}

/** The error event of an engine: an answer with a status, where the stream has not begun for the client. */
export function failureFromEvent({ role, hosts }: Instance, data: Buffer): Failure {
  const engine = readEngineError(parse(data), hosts);
  const code = Number(engine?.code);
  const status = Number.isInteger(code) && code >= 400 && code < 600 ? code : 502;
  return told(role, status, engine, { detail: `${role} told of an error in its stream` });
}

function told(
  role: Instance["role"],
  status: number,
  engine: EngineError | undefined,
  options: { readonly detail: string; readonly retryAfter?: string },
): Failure {
  // The engine's verdict on the request, or on its own load: no fault of the engine's.
  const isVerdict = status < 500 || (status === 503 && engine !== undefined);
  const code = isVerdict ? "refused_by_engine" : (`${role}_failed` as const);
  return new Failure(code, { ...options, status, ...(engine === undefined ? {} : { engine }) });
}

/** `undefined` for what is no JSON object, and for one so deep that writing a part of it again would overflow. */
function parse(bytes: Buffer): unknown {
  return scanIfObject(bytes, []) && JSON.parse(bytes.toString());
}

/** `{error: {message, …}}` (OpenAI, vLLM 1), `{object: "error", message, …}` (vLLM 0), `{detail}` (FastAPI). */
function readEngineError(answer: unknown, hosts: ReadonlySet<string>): EngineError | undefined {
  if (!isRecord(answer)) return undefined;
  const error = isRecord(answer.error) ? answer.error : answer;
  const said = error.message ?? error.detail ?? answer.error;
  if (said === undefined || said === null) return undefined;
  const message = typeof said === "string" ? said : JSON.stringify(said);
  if (!isPublic(message)) return undefined;
  return {
    message: withoutAddresses(message.slice(0, MAX_MESSAGE_LENGTH), hosts),
    type: textOr(error.type, undefined),
    param: textOr(error.param, null),
    code: typeof error.code === "number" ? error.code : textOr(error.code, null),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === "string" && value.length <= 200 && isPublic(value) ? value : otherwise;
}

/** Pages and stack traces are for the operator. */
function isPublic(text: string): boolean {
  return !/<!doctype|<html|Traceback \(most recent call last\)|\n\s+at \S+ \(|File "[^"]+", line \d+/i.test(
    text,
  );
}

const ADDRESSES = [
  /\bhttps?:\/\/[^\s"'<>]+/gi,
  /\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d{1,5})?/gi,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g,
  // A name with a port: of at least two digits, and of a letter, so that times stay.
  /(?<![\w.-])(?=[\d._-]*[a-z])\w(?:[\w.-]*\w)?:\d{2,5}(?!\w|:\d)/gi,
];

function withoutAddresses(text: string, hosts: ReadonlySet<string>): string {
  const names = [...hosts].map((host) => new RegExp(`(?<![\\w.:-])${escaped(host)}(?![\\w:-]|\\.\\w)`, "gi"));
  return [...ADDRESSES, ...names].reduce((left, pattern) => left.replace(pattern, "[address]"), text);
}

function escaped(literal: string): string {
  return literal.replace(/[^\w-]/g, "\\$&");
}
