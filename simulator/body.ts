import { invalidBody, unsupportedType } from "./errors.ts";
import { isObject } from "./json.ts";

/** A request body: a JSON object, parsed, and as the text that it was. */
export interface JsonBody {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Throws ApiError for what FastAPI would refuse. */
export function parseJsonBody(contentType: string | undefined, bytes: Uint8Array): JsonBody {
  if (contentType?.split(";")[0]?.trim().toLowerCase() !== "application/json") throw unsupportedType();
  if (bytes.length === 0) throw invalidBody("missing", [], "Field required");
  let text = "";
  let fields: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    fields = JSON.parse(text);
  } catch (error) {
    const [, position = text.length] = /at position (\d+)/.exec(`${error}`) ?? [];
    throw invalidBody("json_invalid", [position], "JSON decode error");
  }
  if (!isObject(fields)) throw invalidBody("model_attributes_type", [], "Input should be a valid dictionary");
  return { text, fields };
}
