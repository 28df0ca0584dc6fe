import type { DecodePoint, PrefillPoint, RatioInput } from "./input.ts";

/*
 * Requests per second of one instance, from a measurement.
 * Source: ModelArts' best practice on the number of PD instances. P QPS = batch / TTFT, D QPS = batch / ((output - 1)
 * * TPOT): the first token of an answer comes out of prefill.
 */

export function prefillRate(point: PrefillPoint, inputTokens: number): number {
  const { batch = 0, ttftMs = 0, tokensPerSecond } = point;
  return tokensPerSecond === undefined ? batch / (ttftMs / 1000) : tokensPerSecond / inputTokens;
}

export function decodeRate(point: DecodePoint, outputTokens: number): number {
  const { batch = 0, tpotMs = 0, tokensPerSecond } = point;
  if (tokensPerSecond !== undefined) return tokensPerSecond / outputTokens;
  return batch / ((outputTokens - 1) * (tpotMs / 1000));
}

/** Requests per second whose KV cache one instance can send, or receive; all prompt tokens travel, cached or not. */
export function transferRate({ kvTransfer, input }: RatioInput): number {
  if (kvTransfer === undefined) return Number.POSITIVE_INFINITY;
  return (kvTransfer.gigabytesPerSecond * 1e9) / (kvTransfer.bytesPerToken * input.mean);
}
