import { answerJson, type EngineCall, goodDecode, type Script } from "./engine.ts";
import type { Overrides } from "./rig.ts";

/** What makes a scheduler ask decode first. */
export const LAYERWISE = {
  handoff: "MooncakeLayerwiseConnector",
  metaserver: { host: "127.0.0.1", port: 0 },
  kvRelease: "none",
} as const satisfies Overrides;

/** What decode tells beside the id: an integer that no double holds, and a list within a list. */
export const PLACE =
  '"do_remote_prefill":false,"do_remote_decode":true,"remote_block_ids":[[1,2,9007199254740993]],"remote_host":"10.9.8.7",' +
  '"remote_port":61000,"remote_cached_tokens":0';

/** As vllm-ascend tells it: the id that engines know a request by, without what they add. */
export function toldBy(call: EngineCall, place = PLACE): string {
  const [id] = call.header("x-request-id");
  const engineId = call.path === "/v1/completions" ? `cmpl-${id}-0` : `chatcmpl-${id}`;
  return `{"token_ids":[],"request_id":"${engineId}",${place}}`;
}

/** Where `call`, which has reached decode, is to tell it. */
export const metaserverOf = ({ body }: EngineCall): string => JSON.parse(body).kv_transfer_params.metaserver;

export function tell(url: string, body: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...init });
}

/** A pair that works as the connector does: decode tells where it wants KV cache, and answers when it was pushed there. */
export function pushingPair(answer: Script = goodDecode): { prefill: Script; decode: Script } {
  const waiting = new Map<string, () => void>();
  return {
    decode(call) {
      const { metaserver } = JSON.parse(call.body).kv_transfer_params ?? {};
      if (metaserver === undefined) return answer(call);
      const told = toldBy(call);
      waiting.set(JSON.parse(told).request_id, () => answer(call));
      void tell(metaserver, told).catch(() => {});
    },
    prefill(call) {
      answerJson(call, '{"id":"p","choices":[],"kv_transfer_params":null}');
      setTimeout(() => waiting.get(JSON.parse(call.body).kv_transfer_params.request_id)?.(), 10);
    },
  };
}
