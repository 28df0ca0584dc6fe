import type { Instance } from "../instances/instances.ts";
import type { Work } from "../instances/load.ts";

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

/**
 * How long a decode instance is known to have made no token for any client, though it has their requests: it may give one
 * when it is tried, and still not get the KV cache that they wait for. To be looked at again and again.
 */
export class Drought {
  readonly #instance: Instance;
  readonly #silence: Silence;
  /** Of its metrics, while nothing but clients' requests can have moved them since. */
  #done: number | undefined;
  /** Healthy, and not found to stand still. */
  #isWell = true;
  /** Since when it is known. */
  #since: number | undefined;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#silence = new Silence(instance);
  }

  /** Since when no byte has come, in milliseconds. */
  get silentMs(): number {
    return this.#silence.ms;
  }

  /** `work`: what its metrics say, if they were asked. */
  look(work: Work | undefined): void {
    const before = this.#done;
    if (work !== undefined) this.#done = work.done;
    const isStill = before !== undefined && work?.done === before;
    const { healthy, stalled, inFlight } = this.#instance;
    const isWell = healthy && !stalled;
    if (this.#silence.isBroken || inFlight === 0 || isWell !== this.#isWell) {
      this.#isWell = isWell;
      this.#silence.restart();
      this.#since = undefined;
    } else if (isStill || !isWell) {
      this.#since ??= performance.now();
    } else if (work !== undefined && (before !== undefined || work.done === undefined)) {
      // They move, or nothing is known.
      this.#since = undefined;
    }
    this.#instance.tokenlessMs = this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  /** It has given a token when it was tried, which moves its metrics. */
  tried(): void {
    this.#done = undefined;
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
