/** What the simulated NPUs cost, in milliseconds. */
export interface LatencyModel {
  readonly ttftBaseMs: number;
  readonly ttftMsPerToken: number;
  readonly interTokenMs: number;
  readonly maxNumSeqs: number;
}

/** Milliseconds to compute the KV cache of a prompt and its first token. */
export function prefillMs(model: LatencyModel, promptTokens: number): number {
  return model.ttftBaseMs + model.ttftMsPerToken * promptTokens;
}

/** Milliseconds between two tokens of one sequence; twice as long in a full batch as alone. */
export function stepMs(model: LatencyModel, batchSize: number): number {
  return model.interTokenMs * (1 + (batchSize - 1) / Math.max(1, model.maxNumSeqs - 1));
}
