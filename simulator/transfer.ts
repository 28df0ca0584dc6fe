import { hash } from "node:crypto";
import { request } from "node:http";
import { members } from "./json.ts";
import type { Lease } from "./kv-ledger.ts";
import type { PromptKv } from "./prefix-cache.ts";
import type { KvConnector } from "./transfer-fields.ts";

export const PULL_PATH = "/simulator/kv/pull";
const PULL_TIMEOUT_MS = 5_000;

/** Members of `kv_transfer_params` as JSON text. */
export type KvParams = ReadonlyMap<string, string>;

export interface KvSource {
  readonly kvConnector: KvConnector;
  readonly kvHost: string;
  readonly port: number;
  readonly tensorParallelSize: number;
  readonly blockSize: number;
}

/** `kv_transfer_params` of a finished prefill, as JSON text. */
export function transferParams(
  source: KvSource,
  engineId: string,
  requestId: string,
  blocks: readonly number[],
  promptTokens: number,
): string {
  return signed({
    do_remote_prefill: true,
    do_remote_decode: false,
    remote_block_ids: blocks,
    remote_engine_id: engineId,
    remote_request_id: requestId,
    remote_host: source.kvHost,
    remote_port: source.port,
    ...OWN[source.kvConnector]?.(source, engineId, promptTokens),
  });
}

/** Parameters as JSON text, with what tells whether they come back as they are. */
export function signed(params: object): string {
  const text = JSON.stringify(params);
  return `${text.slice(0, -1)},"transfer_id":${transferId(members(text))}}`;
}

/** Whether a simulator handed out `params` as they are. */
export function isSigned(params: KvParams): boolean {
  return params.get("transfer_id") === `${transferId(params)}`;
}

/** What a connector's parameters have beside those of all that give any. */
const OWN: Partial<
  Record<KvConnector, (source: KvSource, engineId: string, promptTokens: number) => object>
> = {
  NixlConnector: ({ tensorParallelSize }, _, promptTokens) => ({
    tp_size: tensorParallelSize,
    remote_num_tokens: promptTokens,
  }),
  MooncakeConnectorV1: ({ kvHost, port, tensorParallelSize, blockSize }, engineId, promptTokens) => ({
    remote_pcp_size: 1,
    remote_dcp_size: 1,
    remote_ptp_size: tensorParallelSize,
    last_token_id: promptTokens,
    remote_multi_nodes_meta_mapping: { "0": { host: kvHost, engine_id: engineId, handshake_port: port } },
    num_prompt_blocks: Math.ceil(promptTokens / blockSize),
    remote_block_size: blockSize,
  }),
};

/** Where a router may legitimately put another address of the same instance. */
const ADDRESS = new Set(["remote_host", "remote_port"]);

const SIGNED = [
  "do_remote_prefill",
  "do_remote_decode",
  "remote_block_ids",
  "remote_engine_id",
  "remote_request_id",
  "tp_size",
  "remote_num_tokens",
  "remote_pcp_size",
  "remote_dcp_size",
  "remote_ptp_size",
  "last_token_id",
  "num_prompt_blocks",
  "remote_block_size",
  "token_ids",
  "request_id",
  "remote_tp_size",
  "remote_cached_tokens",
];

/**
 * Follows from the other members, so that an instance sees whether a simulator handed them out. An odd 63-bit integer:
 * no double holds it, so whoever parses and re-serialises the parameters changes it.
 */
function transferId(params: KvParams): bigint {
  const digest = hash("sha256", SIGNED.map((name) => params.get(name)).join(), "buffer");
  return (digest.readBigUInt64BE() >> 1n) | (1n << 62n) | 1n;
}

/** Why the KV cache may not be handed over, or undefined when the request for it is exact. */
export function mismatch(lease: Lease, promptHash: string, params: KvParams): string | undefined {
  if (lease.kv.promptHash !== promptHash) {
    return "the decode request has another prompt, sampling field or engine seed than the prefill request";
  }
  for (const [name, issued] of lease.params) {
    const returned = params.get(name);
    if (!ADDRESS.has(name) && returned !== issued) return `${name} was ${issued}, came back as ${returned}`;
  }
  return undefined;
}

/** Whether the parameters say where the KV cache is. vLLM recomputes, with a warning, when they do not. */
export function namesRemoteKv(params: KvParams): boolean {
  return ["remote_engine_id", "remote_request_id", "remote_host", "remote_port"].every(
    (name) => (params.get(name) ?? "null") !== "null",
  );
}

/** What comes of a pull: the KV cache, or why there is none. */
export type Pulled =
  | { readonly failure?: undefined; readonly kv: PromptKv /** `host:port`. */; readonly from: string }
  | Failure;

export interface Failure {
  readonly failure: string;
  /** Whether the parameters are of another prompt, or no simulator handed them out as they are. */
  readonly foreign: boolean;
}

/**
 * Pulls a KV cache from the prefill instance that the parameters name, which frees it there; without a prompt it is only
 * freed. Never throws.
 */
export async function pullKv(params: KvParams, promptHash: string | null): Promise<Pulled> {
  const host = `${JSON.parse(params.get("remote_host") ?? '""')}`;
  const port = Number(JSON.parse(params.get("remote_port") ?? "0"));
  const body = `{"prompt_hash":${JSON.stringify(promptHash)},"kv_transfer_params":${objectText(params)}}`;
  const pulled = await pull(host, port, body);
  if (pulled.failure === undefined || isSigned(params)) return pulled;
  return { failure: pulled.failure, foreign: true };
}

/** Pulls the KV cache of a prompt from the first of the prefill instances that has it, as `pullKv` does. */
export async function pullKvOfPrompt(peers: readonly string[], promptHash: string): Promise<Pulled> {
  const failures: string[] = [];
  for (const peer of peers) {
    const colon = peer.lastIndexOf(":");
    const [host, port] = [peer.slice(0, colon), Number(peer.slice(colon + 1))];
    const pulled = await pull(host, port, `{"prompt_hash":"${promptHash}"}`);
    if (pulled.failure === undefined) return pulled;
    failures.push(pulled.failure);
  }
  return { failure: failures.join("; "), foreign: false };
}

function pull(host: string, port: number, body: string): Promise<Pulled> {
  const from = `${host}:${port}`;
  return new Promise((resolve) => {
    const fail = (reason: unknown) =>
      resolve({
        failure: `http://${from}: ${reason instanceof Error ? reason.message : reason}`,
        foreign: false,
      });
    try {
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
      const call = request(
        { host, port, path: PULL_PATH, method: "POST", headers, agent: false },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          answer.on("error", fail);
          answer.on("end", () => resolve(pulledOf(from, text)));
        },
      );
      call.setTimeout(PULL_TIMEOUT_MS, () => call.destroy(new Error("no answer in time")));
      call.on("error", fail);
      call.end(body);
    } catch (error) {
      fail(error);
    }
  });
}

function pulledOf(from: string, text: string): Pulled {
  try {
    const answer: Pulled = JSON.parse(text);
    if (answer.failure !== undefined) return { ...answer, failure: `http://${from}: ${answer.failure}` };
    if (answer.kv !== undefined) return { ...answer, from };
  } catch {
    // Then no simulator listens there.
  }
  return { failure: `http://${from}: ${text}`, foreign: false };
}

function objectText(params: KvParams): string {
  return `{${[...params].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The body of a pull. Whatever is missing or of another kind is an empty string, which no lease matches. */
export function parsePull(body: string): { promptHash: string | null; params: KvParams; requestId: string } {
  const fields = members(body);
  const text = fields.get("kv_transfer_params") ?? "";
  const params = members(text.startsWith("{") ? text : "{}");
  const requestId = JSON.parse(params.get("remote_request_id") ?? '""');
  return { promptHash: JSON.parse(fields.get("prompt_hash") ?? '""'), params, requestId: `${requestId}` };
}
