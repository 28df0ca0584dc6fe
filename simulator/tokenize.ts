import type { JsonBody } from "./body.ts";
import { invalidBody } from "./errors.ts";
import { checkModel, type RequestLimits } from "./request.ts";
import { tokenIds, tokenText } from "./token-ids.ts";
import { chatText } from "./tokenizer.ts";

/** POST /tokenize: of a text, or of a chat. Throws ApiError. */
export function tokenize({ fields }: JsonBody, { servedModelName, maxModelLen }: RequestLimits): object {
  const { prompt, messages } = fields;
  if (typeof prompt !== "string" && !Array.isArray(messages)) {
    if (prompt === undefined) throw invalidBody("missing", ["prompt"], "Field required");
    throw invalidBody("string_type", ["prompt"], "Input should be a valid string");
  }
  checkModel(fields.model, servedModelName);
  const tokens = tokenIds(typeof prompt === "string" ? prompt : chatText(messages));
  const token_strs = fields.return_token_strs === true ? tokens.map((id) => tokenText(id)) : null;
  return { count: tokens.length, max_model_len: maxModelLen, tokens, token_strs };
}

/** POST /detokenize. Throws ApiError. */
export function detokenize({ fields }: JsonBody, { servedModelName }: RequestLimits): object {
  const { tokens } = fields;
  if (tokens === undefined) throw invalidBody("missing", ["tokens"], "Field required");
  if (!Array.isArray(tokens)) throw invalidBody("list_type", ["tokens"], "Input should be a valid list");
  tokens.forEach((id: unknown, index) => {
    if (!Number.isInteger(id))
      throw invalidBody("int_type", ["tokens", index], "Input should be a valid integer");
    if (Number(id) < 0)
      throw invalidBody(
        "greater_than_equal",
        ["tokens", index],
        "Input should be greater than or equal to 0",
      );
  });
  checkModel(fields.model, servedModelName);
  return { prompt: tokens.map((id) => tokenText(Number(id), " ")).join("") };
}
