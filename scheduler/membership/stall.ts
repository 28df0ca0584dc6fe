import type { Instance } from "../instances/instances.ts";

/** No engine computes prompts slower than this: some four thousand tokens a second. */
const PROMPT_BYTES_PER_MS = 16;

/**
 * How long an instance has had clients' requests and given no byte of an answer to any of them. To be looked at again
 * and again.
 */
export class Silence {
  readonly #instance: Instance;
  #heard = 0;
  #since = 0;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.restart();
  }

  /** Whether a byte has come since the last look. */
  get isBroken(): boolean {
    return this.#heard !== this.#instance.heard;
  }

  /**
   * Milliseconds of silence that nothing explains. A decode instance gives many bytes a second; a prefill instance
   * gives none while it computes, so the time that the largest of its prompts may take is no silence.
   */
  get ms(): number {
    const { role, largestPrompt } = this.#instance;
    const largest = role === "prefill" ? largestPrompt : 0;
    return performance.now() - this.#since - largest / PROMPT_BYTES_PER_MS;
  }

  look(): void {
    if (this.isBroken || this.#instance.inFlight === 0) this.restart();
  }

  restart(): void {
    this.#heard = this.#instance.heard;
    this.#since = performance.now();
  }
}

/** The smallest completion. Without KV parameters either role computes it alone and keeps nothing of it. */
export function probeBody(model: string | undefined): Buffer {
  return Buffer.from(JSON.stringify({ model, prompt: "a", max_tokens: 1 }));
}

/** The first model that `GET /v1/models` tells of. */
export function firstModel(answer: Buffer | undefined): string | undefined {
  return /"id"\s*:\s*"([^"\\]+)"/.exec(answer?.toString() ?? "")?.[1];
}
