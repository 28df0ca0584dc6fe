import { request } from "node:http";
import { foreignParams } from "./errors.ts";
import type { PromptKv } from "./prefix-cache.ts";
import type { Sequence } from "./sequence.ts";
import { isSigned, type KvParams, type KvSource, signed } from "./transfer.ts";
import type { KvCheck } from "./transfer-fields.ts";

/*
 * vllm-ascend's MooncakeLayerwiseConnector: decode tells a metaserver where it wants the KV cache, whoever has that one has
 * prefill asked with what was told, and prefill pushes. Here it goes over HTTP.
 */

export const PUSH_PATH = "/simulator/kv/push";
/** What vllm-ascend adds to the id that both legs know a request by. */
const SUFFIX = /-[0-9a-f]{8}$/;
const TRIES = 3;

/** The id of a sequence as the other leg has it. */
const externalId = (id: string): string => id.replace(SUFFIX, "");

/** A KV cache that has come, and from where: `host:port`. */
export interface Arrived {
  readonly kv: PromptKv;
  readonly from: string;
}

interface LayerwiseConfig extends KvSource {
  readonly kvCheck: KvCheck;
}

/** What an instance with that connector does beside what all do; nothing where it has another one. */
export class Layerwise {
  readonly #source: LayerwiseConfig;
  readonly #engineId: string;
  readonly #log: (line: string) => void;
  /** Of KV caches that it waits for. */
  readonly #expected = new Map<string, (arrived: Arrived) => void>();

  constructor(source: LayerwiseConfig, engineId: string, log: (line: string) => void) {
    this.#source = source;
    this.#engineId = engineId;
    this.#log = log;
  }

  /** Whether `sequence` waits for its KV cache. */
  isPushedTo({ kvParams }: Sequence): boolean {
    return this.#isThere && kvParams?.get("do_remote_prefill") === "true";
  }

  /** Whether the KV cache of `sequence` is for another instance. */
  #isPushing({ kvParams }: Sequence): boolean {
    return this.#isThere && kvParams?.get("do_remote_decode") === "true";
  }

  get #isThere(): boolean {
    return this.#source.kvConnector === "MooncakeLayerwiseConnector";
  }

  /** Decode: tells where the KV cache of `sequence` is to be pushed, if it is, and gives it when it has been. */
  expect(sequence: Sequence, blocks: readonly number[]): Promise<Arrived> | undefined {
    const { id, kvParams } = sequence;
    if (kvParams === undefined || !this.isPushedTo(sequence)) return undefined;
    const place = placeOf(this.#source, this.#engineId, id, blocks);
    tellMetaserver(kvParams, place).catch((error: unknown) => {
      this.#log(`${id}: the metaserver cannot be told, so the KV cache will never come: ${error}`);
    });
    return new Promise((resolve) => void this.#expected.set(externalId(id), resolve));
  }

  /** What prefill says when all layers are there. As in vllm-ascend, one that nobody waits for is no error. */
  arrived(body: string): void {
    const { request_id: id, kv, from } = JSON.parse(body);
    this.#expected.get(id)?.({ kv, from });
    this.#expected.delete(id);
  }

  /** Prefill: throws ApiError for a place that no simulator has told as it is, where such are refused. */
  check(sequence: Sequence): void {
    if (this.#source.kvCheck === "none" || !this.#isPushing(sequence)) return;
    if (!isSigned(sequence.kvParams ?? new Map()))
      throw foreignParams("no decode instance told them as they are");
  }

  /** Prefill: whether it pushes. That a push fails is decode's to notice. */
  async push(sequence: Sequence, kv: PromptKv): Promise<boolean> {
    if (!this.#isPushing(sequence)) return false;
    const { id, kvParams = new Map() } = sequence;
    const { kvHost, port } = this.#source;
    await pushTo(kvParams, externalId(id), { kv, from: `${kvHost}:${port}` }).catch((error: unknown) =>
      this.#log(`${id}: the KV cache cannot be pushed: ${error}`),
    );
    return true;
  }
}

/** What decode tells of a sequence: where it is to be pushed. */
function placeOf(source: KvSource, engineId: string, id: string, blocks: readonly number[]): string {
  return signed({
    token_ids: [],
    request_id: externalId(id),
    do_remote_prefill: false,
    do_remote_decode: true,
    remote_block_ids: [blocks],
    remote_block_size: [source.blockSize],
    remote_engine_id: engineId,
    remote_host: source.kvHost,
    remote_port: source.port,
    remote_tp_size: source.tensorParallelSize,
    remote_pcp_size: 1,
    remote_dcp_size: 1,
    remote_cached_tokens: 0,
  });
}

/** Three times and without a limit, as vllm-ascend does, which looks at no answer. Throws what the last try ended with. */
async function tellMetaserver(params: KvParams, place: string): Promise<void> {
  const url: unknown = JSON.parse(params.get("metaserver") ?? "null");
  for (let tries = 1; ; tries += 1) {
    try {
      return await post(`${url}`, place);
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

/** Pushes where `params` say. */
function pushTo(params: KvParams, id: string, arrived: Arrived): Promise<void> {
  const host = `${JSON.parse(params.get("remote_host") ?? '""')}`;
  const url = new URL(`http://${host.includes(":") ? `[${host}]` : host}${PUSH_PATH}`);
  url.port = `${JSON.parse(params.get("remote_port") ?? "0")}`;
  return post(url.href, JSON.stringify({ request_id: id, ...arrived }));
}

function post(url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const call = request(url, { method: "POST", headers, agent: false }, (answer) => {
      answer.on("error", reject).on("end", resolve).resume();
    });
    call.on("error", reject).end(body);
  });
}
