import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { WireAnswer, WireRequest } from "./wire.ts";

/*
 * What real vLLM said on the wire. `npm run test:engines -- --record` writes them.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

/** One thing that is asked of a prefill and a decode instance. */
export interface Asked {
  readonly name: string;
  /** POST unless given. */
  readonly method?: string;
  readonly path: string;
  /** `application/json` with a body unless given. */
  readonly type?: string;
  /** A text goes out as it is. */
  readonly body?: Fields | string;
  /** The prefill instance unless given. */
  readonly to?: "decode";
  /** With these changes the transfer parameters that prefill gives for the same body go with it. */
  readonly handedOver?: Fields;
}

/** What varies from run to run is cut out: ids, times, addresses, block numbers. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or text. */
  readonly body?: Json;
  /** The chunks of an event stream. */
  readonly stream?: readonly string[];
  readonly metrics?: Readonly<Record<string, MetricFamily>>;
}

export interface MetricFamily {
  readonly type: string;
  /** By the suffix of a sample's name: its labels, with the values that they have. */
  readonly samples: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface Recording {
  readonly asked: Asked;
  readonly answered: Answered;
}

export const RECORDINGS = join(import.meta.dirname, "recordings");

/** Those of an engine and its version, by what they are about. */
export function readRecordings(engine: string): [string, Recording[]][] {
  const folder = join(RECORDINGS, engine);
  return readdirSync(folder)
    .sort()
    .map((file) => [basename(file, ".json"), JSON.parse(readFileSync(join(folder, file), "utf8"))]);
}

/** `params` are the text of what prefill gave: parsed, their greatest numbers would change. */
export function requestOf(asked: Asked, params?: string): WireRequest {
  const { method = "POST", path, body = "", handedOver = {} } = asked;
  const type = asked.type ?? (body === "" ? "" : "application/json");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    method,
    path,
    headers: type === "" ? {} : { "Content-Type": type },
    body:
      params === undefined
        ? text
        : joined(text, `{"kv_transfer_params":${joined(params, JSON.stringify(handedOver))}}`),
  };
}

/** The members of both objects; of two of a name readers take the later. */
function joined(one: string, other: string): string {
  return other === "{}" ? one : `${one.slice(0, -1)},${other.slice(1)}`;
}

/** The text of the transfer parameters in prefill's answer. */
export function paramsIn({ chunks }: WireAnswer): string {
  const answer = chunks.join("");
  const [, params] = /"kv_transfer_params":(\{[^{}]*\})/.exec(answer) ?? [];
  if (params === undefined) throw new Error(`prefill gave no parameters: ${answer}`);
  return params;
}

/** What prefill is asked for the KV cache of what decode will be asked. */
export function prefillOf({ path, body }: Asked): WireRequest {
  const { stream: _, stream_options: __, ...fields } = typeof body === "object" ? body : {};
  return requestOf({ name: "", path, body: { ...fields, max_tokens: 1, kv_transfer_params: REMOTE_DECODE } });
}

export const REMOTE_DECODE: Fields = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
};

export function answeredOf({ status, headers, chunks }: WireAnswer): Answered {
  const named = Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !["date", "server", "connection", "content-length", "x-request-id"].includes(name)),
  );
  const head = { status, headers: named };
  const type = named["content-type"] ?? "";
  if (type.startsWith("text/event-stream")) return { ...head, stream: chunks };
  const text = chunks.join("");
  if (type.startsWith("text/plain; version")) return { ...head, metrics: metricsOf(text) };
  if (type === "application/json") return { ...head, body: JSON.parse(text) };
  return text === "" ? head : { ...head, body: text };
}

/** Families by name, without the times at which they began. */
export function metricsOf(text: string): Record<string, MetricFamily> {
  const families: Record<string, { type: string; samples: Record<string, Record<string, string[]>> }> = {};
  let name = "";
  for (const line of text.split("\n")) {
    const [, named, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (named !== undefined && type !== undefined) {
      name = named;
      families[name] = { type, samples: {} };
    }
    const [, sample, labels = ""] = /^([\w:]+)(?:\{(.*)\})? /.exec(line) ?? [];
    const family = families[name];
    if (sample === undefined || family === undefined) continue;
    const suffix = sample.slice(name.length);
    const found = family.samples[suffix] ?? {};
    family.samples[suffix] = found;
    for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      found[label] = [...new Set([...(found[label] ?? []), value])].sort();
  }
  const kept = Object.entries(families).filter(([family]) => !family.endsWith("_created"));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
