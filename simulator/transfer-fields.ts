import type { JsonBody } from "./body.ts";
import { badRequest, invalidBody } from "./errors.ts";
import { isObject } from "./json.ts";

/** Whether transfer parameters that this pair of simulators did not hand out are refused, or do what they do to vLLM. */
export type KvCheck = "strict" | "none";

/** What hands KV cache over: vLLM's, and those of vllm-ascend, the first of them as it is before 0.26. */
export const KV_CONNECTORS = ["NixlConnector", "MooncakeConnectorV1", "MooncakeLayerwiseConnector"] as const;
export type KvConnector = (typeof KV_CONNECTORS)[number];

const NAMES = ["kv_transfer_params", "ec_transfer_params"];

/**
 * vLLM hands `vllm_xargs` on to its connectors, where only a `kv_transfer_params` beside it goes before one in it.
 * No object can come that way, and a connector that finds anything else ends the engine core: gives what it found.
 */
export function strayParams(
  { vllm_xargs: xargs, ...fields }: JsonBody["fields"],
  check: KvCheck,
): string | undefined {
  const given = isObject(xargs) ? xargs : {};
  const strays = NAMES.filter((name) => given[name] !== undefined);
  if (check === "strict") {
    const paths = strays.map((name) => `vllm_xargs.${name}`);
    if (isGiven(fields.ec_transfer_params)) paths.push("ec_transfer_params");
    const [first] = paths;
    if (first === undefined) return undefined;
    throw badRequest(`\`${first}\` holds foreign parameters: no simulator hands any out there.`, first);
  }
  for (const name of strays) {
    const value = given[name];
    if (value === null || isObject(value)) {
      throw invalidBody("string_type", ["vllm_xargs", name], "Input should be a valid string");
    }
  }
  return strays.find((name) => !isGiven(fields[name]));
}

/** As Python sees it: not null, and not an empty object. */
function isGiven(value: unknown): boolean {
  return isObject(value) ? Object.keys(value).length > 0 : value !== undefined && value !== null;
}
