import { type EngineError, Failure } from "../errors.ts";
import type { ResponseHead } from "../http/response.ts";
import type { Instance } from "../instances/instances.ts";
import { type Member, scanIfObject } from "../json/spans.ts";
import { cutBetweenWords, publicText } from "./words.ts";

/** The words of a larger error are not read. */
export const MAX_ERROR_BYTES = 64 * 1024;
const MAX_MESSAGE_LENGTH = 4096;
const MAX_FIELD_LENGTH = 200;
/** `"error"` with every letter escaped. */
const MAX_ERROR_LENGTH = 32;
/** What vLLM says when it admits no more requests, or has paused: its type, or within its message. */
const BUSY_TYPES = ["Service Unavailable", "ServiceUnavailableError"];
const BUSY_WORDS = "on a different instance";

/** An instance, as far as its errors go. */
type Speaker = Pick<Instance, "role" | "hosts">;

/** An engine's error as the client may see it: its status, its words, when to come again. Never throws. */
export function refusal(
  speaker: Speaker & Pick<Instance, "authorization">,
  { status, fields }: ResponseHead,
  body: Buffer,
): Failure {
  const { role, hosts, authorization } = speaker;
  // A client has shown no key that could be wrong.
  if (status === 401 && authorization !== "")
    return new Failure(`${role}_failed`, { detail: `${role} refuses VLLM_API_KEY, which the scheduler has` });
  const wait = fields.find(({ name }) => name === "retry-after")?.value ?? "";
  const isWait = /^(?:[0-9]{1,6}|[A-Za-z]{3}, [0-9A-Za-z: ]{20,24})$/.test(wait);
  const detail = `${role} answered with status ${status}`;
  const engine = readEngineError(parse(body), hosts);
  const isBusy = status === 503 && engine !== undefined && isBusyError(engine);
  return told(role, status, engine, { detail, isBusy, ...(isWait ? { retryAfter: wait } : {}) });
}

function isBusyError({ message, type = "" }: EngineError): boolean {
  return BUSY_TYPES.includes(type) || message.includes(BUSY_WORDS);
}

/** The error event of an engine: an answer with a status, where the stream has not begun for the client. */
export function failureFromEvent(instance: Speaker, data: Buffer): Failure {
  return failureWithin(instance, data, "its stream");
}

/**
 * What a whole answer of status 200 says to be an error after all; `undefined` when it is none. `members`: what a scan of
 * it for these and other keys has found.
 */
export function failureFromAnswer(
  instance: Speaker,
  answer: Buffer,
  members: readonly Member[] | undefined,
): Failure | undefined {
  if (members === undefined || !hasError(answer, members)) return undefined;
  return failureWithin(instance, answer, "an answer of status 200");
}

function failureWithin({ role, hosts }: Speaker, data: Buffer, where: string): Failure {
  const engine = readEngineError(parse(data), hosts);
  const code = Number(engine?.code);
  const status = Number.isInteger(code) && code >= 400 && code < 600 ? code : 502;
  return told(role, status, engine, { detail: `${role} told of an error in ${where}` });
}

function told(
  role: Speaker["role"],
  status: number,
  engine: EngineError | undefined,
  options: { readonly detail: string; readonly retryAfter?: string; readonly isBusy?: boolean },
): Failure {
  // The engine's verdict on the request, or on its own load: no fault of the engine's.
  const isVerdict = status < 500 || (status === 503 && engine !== undefined);
  const code = isVerdict ? "refused_by_engine" : (`${role}_failed` as const);
  return new Failure(code, { ...options, status, ...(engine === undefined ? {} : { engine }) });
}

/** Stands in every error object: `\u006` or `\u007` in each escaped spelling of a small ASCII letter. */
export const ERROR_MARK = /"error"|\\u00[67]/;
/** What is larger is not read for an error, as a plain answer is not: it is the log probabilities of many tokens. */
const MAX_ERROR_OBJECT_BYTES = 1024 * 1024;

/** Whether `data` is an error in one of the two forms that a status or an event of its own does not tell. */
export function isErrorObject(data: Buffer): boolean {
  if (data.length > MAX_ERROR_OBJECT_BYTES || !ERROR_MARK.test(data.toString("latin1"))) return false;
  return hasError(data, scanIfObject(data, ERROR_KEYS) ?? []);
}

/** One of them stands in every error object. */
export const ERROR_KEYS = ["error", "object", "type"];

function hasError(data: Buffer, members: readonly Member[]): boolean {
  return members.some(({ key, valueStart, end }) => {
    if (key === undefined || !ERROR_KEYS.includes(key)) return false;
    const value = data.toString("latin1", valueStart, Math.min(end, valueStart + MAX_ERROR_LENGTH + 1));
    if (key === "error") return value !== "null";
    return value.length <= MAX_ERROR_LENGTH && value.startsWith('"') && JSON.parse(value) === "error";
  });
}

/**
 * `undefined` for what is no JSON object, and for one so deep that writing a part of it again would overflow. A scan does
 * not see what is wrong within long strings.
 */
function parse(bytes: Buffer): unknown {
  if (bytes.length > MAX_ERROR_BYTES || scanIfObject(bytes, []) === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** `{error: {message, …}}` (OpenAI, vLLM 1), `{object: "error", message, …}` (vLLM 0), `{detail}` (FastAPI). */
function readEngineError(answer: unknown, hosts: ReadonlySet<string>): EngineError | undefined {
  if (!isRecord(answer)) return undefined;
  const error = isRecord(answer.error) ? answer.error : answer;
  const said = error.message ?? error.detail ?? answer.error;
  if (said === undefined || said === null) return undefined;
  const all = typeof said === "string" ? said : JSON.stringify(said);
  const message = publicText(cutBetweenWords(all, MAX_MESSAGE_LENGTH), hosts);
  if (message === undefined) return undefined;
  const field = (value: unknown) =>
    typeof value === "string" && value.length <= MAX_FIELD_LENGTH ? publicText(value, hosts) : undefined;
  return {
    message,
    type: field(error.type),
    param: field(error.param) ?? null,
    code: typeof error.code === "number" ? error.code : (field(error.code) ?? null),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
