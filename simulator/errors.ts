import { STATUS_CODES } from "node:http";

/** A failed request, told to the client in vLLM's shape. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;

  constructor(status: number, type: string, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
  }

  get body(): object {
    const { message, type, param, status } = this;
    return { error: { message, type, param, code: status } };
  }
}

export const badRequest = (message: string, param?: string): ApiError =>
  new ApiError(
    400,
    "BadRequestError",
    param === undefined ? message : `${message} (parameter=${param})`,
    param,
  );

/** What FastAPI's validation refuses, before vLLM sees the request. */
export const invalidBody = (type: string, path: readonly (string | number)[], message: string): ApiError => {
  const location = ["body", ...path].join(".");
  return new ApiError(
    400,
    STATUS_CODES[400] ?? "",
    `1 validation error:\n  {'type': '${type}', 'loc': '${location}', 'msg': '${message}'}`,
    location,
  );
};

export const unsupportedType = (): ApiError =>
  new ApiError(
    400,
    STATUS_CODES[400] ?? "",
    "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
  );

/** What vLLM answers when it takes no more requests. */
export const busy = (): ApiError =>
  new ApiError(
    503,
    STATUS_CODES[503] ?? "",
    "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.",
  );

/** What vLLM answers once its engine core has died. */
export const engineDead = (): ApiError =>
  new ApiError(
    500,
    "InternalServerError",
    "EngineCore encountered an issue. See stack trace (above) for the root cause.",
  );

/** What vLLM answers when loading a KV cache failed, and for its own faults. */
export const internalError = (): ApiError =>
  new ApiError(500, "InternalServerError", "Internal server error");

/** What only a simulator answers. */
export const foreignParams = (failure: string): ApiError =>
  badRequest(
    `\`kv_transfer_params\` are not what prefill handed out for this prompt: ${failure}`,
    "kv_transfer_params",
  );
