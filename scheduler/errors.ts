import { NoRoom } from "./data/budget.ts";
import { HttpSyntaxError } from "./http/head.ts";

/** Every way a request can end other than well: what the client and the log see. */
export const ERRORS = {
  malformed_http: [400, "invalid_request_error", "The request is not well-formed HTTP/1.1"],
  invalid_json: [400, "invalid_request_error", "The body is not a JSON object"],
  duplicate_key: [400, "invalid_request_error", "The body has a key twice"],
  invalid_value: [400, "invalid_request_error", "The body has an invalid value"],
  no_api_key: [401, "invalid_request_error", "A key is needed: Authorization: Bearer KEY"],
  invalid_api_key: [401, "invalid_request_error", "There is no such key"],
  host_not_allowed: [403, "invalid_request_error", "This scheduler is not to be asked by that name"],
  not_found: [404, "invalid_request_error", "There is no such path here"],
  model_not_found: [404, "NotFoundError", "There is no such model here"],
  response_not_found: [404, "invalid_request_error", "There is no such response here"],
  method_not_allowed: [405, "invalid_request_error", "This path does not take this method"],
  request_timeout: [408, "invalid_request_error", "The request did not arrive in time"],
  body_too_large: [413, "invalid_request_error", "The body is too large"],
  unsupported_encoding: [415, "invalid_request_error", "Encoded bodies are not taken: send it as it is"],
  unsupported_type: [415, "invalid_request_error", "Only Content-Type: application/json is taken"],
  expectation_failed: [417, "invalid_request_error", "The expectation cannot be met"],
  head_too_large: [431, "invalid_request_error", "The head of the request is too large"],
  too_many_requests: [429, "rate_limit_error", "This client has its share of what there is"],
  client_left: [499, "client_error", "The client left before the answer was complete"],
  client_stalled: [499, "client_error", "The client stopped reading"],
  internal_error: [500, "server_error", "The scheduler failed"],
  not_implemented: [501, "invalid_request_error", "There is no such method"],
  prefill_failed: [502, "server_error", "The prefill instance failed"],
  decode_failed: [502, "server_error", "The decode instance failed"],
  missing_kv_params: [502, "server_error", "The prefill instance gave no KV transfer parameters"],
  given_back: [503, "server_error", "The decode instance ran out of KV cache and gave the answer back"],
  no_prefill: [503, "server_error", "No prefill instance is available"],
  no_decode: [503, "server_error", "No decode instance is available"],
  prefill_unreachable: [503, "server_error", "The prefill instance cannot be reached"],
  decode_unreachable: [503, "server_error", "The decode instance cannot be reached"],
  overloaded: [503, "server_error", "The scheduler has as much to do as it can hold"],
  shutting_down: [503, "server_error", "The scheduler is shutting down"],
  prefill_timeout: [504, "server_error", "The prefill instance did not answer in time"],
  decode_timeout: [504, "server_error", "The decode instance did not answer in time"],
  http_version: [505, "invalid_request_error", "Only HTTP/1.0 and HTTP/1.1 are spoken"],
  refused_by_engine: [400, "invalid_request_error", "The engine refused the request"],
} as const satisfies Record<string, readonly [status: number, type: string, message: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** What an engine said about its refusal, in OpenAI's terms. */
export interface EngineError {
  readonly message: string;
  readonly type: string | undefined;
  readonly param: string | null;
  readonly code: string | number | null;
}

/** Whose API an error is told in. */
export type ErrorForm = "openai" | "anthropic" | "responses";

interface FailureOptions {
  /** Instead of the table's text. Shown to the client: no address, no content of a request. */
  readonly message?: string;
  /** For the log only. */
  readonly detail?: string | undefined;
  /** Instead of the table's status. */
  readonly status?: number;
  /** In seconds, or an HTTP date. */
  readonly retryAfter?: string;
  /** Comma-separated methods, with `method_not_allowed`. */
  readonly allow?: string;
  /** The key of the request that is wrong. */
  readonly param?: string;
  readonly engine?: EngineError;
  /** The engine takes no more requests for now. */
  readonly isBusy?: boolean;
  /**
   * The engine has not answered a byte, so the request may be sent once more: to another instance, or to any when a
   * kept connection was to blame.
   */
  readonly retry?: "another" | "any";
}

/** Why a request fails. Thrown and passed along until it is answered or logged. */
export class Failure extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly retryAfter: string | undefined;
  readonly allow: string | undefined;
  readonly retry: "another" | "any" | undefined;
  readonly isBusy: boolean;
  readonly #param: string | null;
  readonly #engine: EngineError | undefined;

  constructor(code: ErrorCode, options: FailureOptions = {}) {
    const [status, , message] = ERRORS[code];
    super(options.message ?? options.engine?.message ?? message);
    this.name = "Failure";
    this.code = code;
    this.status = options.status ?? status;
    this.detail = options.detail;
    this.retryAfter =
      options.retryAfter ?? (this.status === 503 || code === "too_many_requests" ? "1" : undefined);
    this.allow = options.allow;
    this.retry = options.retry;
    this.isBusy = options.isBusy === true;
    this.#param = options.param ?? null;
    this.#engine = options.engine;
  }

  /** As JSON text. Anthropic's form has what OpenAI's has, and says that it is an error. */
  toJson(form: ErrorForm = "openai"): string {
    const { type = ERRORS[this.code][1], param = this.#param, code = this.code } = this.#engine ?? {};
    const error = { message: this.message, type, param, code };
    return JSON.stringify(form === "anthropic" ? { type: "error", error } : { error });
  }

  /** As the event that ends a stream; it is the one of this number, from 0. */
  toEvent(form: ErrorForm, number: number): string {
    const json = this.toJson(form);
    if (form === "openai") return `data: ${json}\n\n`;
    if (form === "anthropic") return `event: error\ndata: ${json}\n\n`;
    // As OpenAI documents it, and `error` as well, as it sends it: clients go by either.
    const { error } = JSON.parse(json);
    const { message, param } = error;
    const code = error.code === null ? null : String(error.code);
    const event = { type: "error", code, message, param, sequence_number: number, error };
    return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  413: "body_too_large",
  417: "expectation_failed",
  431: "head_too_large",
  501: "not_implemented",
  505: "http_version",
};

/** Anything thrown while a request is read or served, as a Failure. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof HttpSyntaxError) {
    return new Failure(BY_STATUS[error.status] ?? "malformed_http", { message: sentence(error.message) });
  }
  if (error instanceof NoRoom) {
    return new Failure(error.whose === "all" ? "overloaded" : "too_many_requests", { detail: error.message });
  }
  return new Failure("internal_error", { detail: error instanceof Error ? error.stack : String(error) });
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
