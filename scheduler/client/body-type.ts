import { Failure } from "../errors.ts";
import { soleValue } from "../http/head.ts";
import type { RequestHead } from "../http/request.ts";

/** What a browser says of itself with every request that a page of another site has it send. */
const OF_BROWSERS = ["origin", "sec-fetch-site"];

/**
 * Throws for a body that is not JSON, sent as it is; two declarations are an HttpSyntaxError. A page of another site has
 * a browser send any other type, or none, without asking here first: the engines refuse such requests, and cannot tell
 * them when they come from us. Without a type it is taken from what is no browser. Parameters mean nothing: JSON is UTF-8
 * (RFC 8259 §8.1, §11).
 */
export function requireJson({ method, fields }: RequestHead): void {
  const coding = soleValue(fields, "content-encoding") ?? "identity";
  if (coding.toLowerCase() !== "identity") throw new Failure("unsupported_encoding");
  // No other method has a body that anybody reads.
  if (method !== "POST") return;
  const declared = soleValue(fields, "content-type");
  if (declared === undefined && !fields.some(({ name }) => OF_BROWSERS.includes(name))) return;
  const [type = ""] = (declared ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") throw new Failure("unsupported_type");
}
