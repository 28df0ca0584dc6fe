import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { members } from "./json.ts";
import type { Lease } from "./kv-ledger.ts";

export const PULL_PATH = "/simulator/kv/pull";
const PULL_TIMEOUT_MS = 5_000;

/** Members of `kv_transfer_params` as JSON text. */
export type KvParams = ReadonlyMap<string, string>;

export interface KvSource {
  readonly kvHost: string;
  readonly port: number;
  readonly tensorParallelSize: number;
}

/** `kv_transfer_params` of a finished prefill, as JSON text. */
export function transferParams(
  source: KvSource,
  engineId: string,
  requestId: string,
  blocks: readonly number[],
  promptTokens: number,
): string {
  const params = JSON.stringify({
    do_remote_prefill: true,
    do_remote_decode: false,
    remote_block_ids: blocks,
    remote_engine_id: engineId,
    remote_request_id: requestId,
    remote_host: source.kvHost,
    remote_port: source.port,
    tp_size: source.tensorParallelSize,
    remote_num_tokens: promptTokens,
  });
  return `${params.slice(0, -1)},"transfer_id":${transferId()}}`;
}

/** An odd 63-bit integer: no double holds it, so whoever parses and re-serialises the parameters changes it. */
function transferId(): bigint {
  return (randomBytes(8).readBigUInt64BE() >> 1n) | (1n << 62n) | 1n;
}

/** Where a router may legitimately put another address of the same instance. */
const ADDRESS = new Set(["remote_host", "remote_port"]);

/** Why the KV cache may not be handed over, or undefined when the request for it is exact. */
export function mismatch(lease: Lease, promptHash: string, params: KvParams): string | undefined {
  if (lease.promptHash !== promptHash) {
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

/**
 * Pulls a KV cache from the prefill instance that the parameters name, which frees it there.
 * Gives the reason when that fails; never throws.
 */
export function pullKv(params: KvParams, promptHash: string): Promise<string | undefined> {
  const host = `${JSON.parse(params.get("remote_host") ?? '""')}`;
  const port = Number(JSON.parse(params.get("remote_port") ?? "0"));
  return pull(host, port, `{"prompt_hash":"${promptHash}","kv_transfer_params":${objectText(params)}}`);
}

/** Pulls the KV cache of a prompt from the first of the prefill instances that has it, as `pullKv` does. */
export async function pullKvOfPrompt(
  peers: readonly string[],
  promptHash: string,
): Promise<string | undefined> {
  const failures: string[] = [];
  for (const peer of peers) {
    const colon = peer.lastIndexOf(":");
    const [host, port] = [peer.slice(0, colon), Number(peer.slice(colon + 1))];
    const failure = await pull(host, port, `{"prompt_hash":"${promptHash}"}`);
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  return failures.join("; ");
}

function pull(host: string, port: number, body: string): Promise<string | undefined> {
  const where = `http://${host}:${port}`;
  return new Promise((resolve) => {
    try {
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
      const call = request(
        { host, port, path: PULL_PATH, method: "POST", headers, agent: false },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          answer.on("error", (error) => resolve(`${where}: ${error.message}`));
          answer.on("end", () => resolve(answer.statusCode === 200 ? undefined : `${where}: ${text}`));
        },
      );
      call.setTimeout(PULL_TIMEOUT_MS, () => call.destroy(new Error("no answer in time")));
      call.on("error", (error) => resolve(`${where}: ${error.message}`));
      call.end(body);
    } catch (error) {
      resolve(`${where}: ${error instanceof Error ? error.message : error}`);
    }
  });
}

function objectText(params: KvParams): string {
  return `{${[...params].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The body of a pull. Whatever is missing or of another kind is an empty string, which no lease matches. */
export function parsePull(body: string): { promptHash: string; params: KvParams; requestId: string } {
  const fields = members(body);
  const text = fields.get("kv_transfer_params") ?? "";
  const params = members(text.startsWith("{") ? text : "{}");
  const requestId = JSON.parse(params.get("remote_request_id") ?? '""');
  return { promptHash: JSON.parse(fields.get("prompt_hash") ?? '""'), params, requestId: `${requestId}` };
}
