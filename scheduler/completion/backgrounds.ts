import type { ServerConfig } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { askWhole } from "../engine/ask.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure, toFailure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import type { KvHold } from "../instances/kv-hold.ts";
import { scanIfObject } from "../json/spans.ts";

/** More are not looked after. */
const MAX_WATCHED = 1000;
const FIRST_LOOK_MS = 250;
const LONGEST_MS = 8000;
const LIMIT_MS = 5000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const RUNNING = ['"queued"', '"in_progress"'];

/** A response that an instance makes while nobody waits for it. */
interface Background {
  readonly instance: Instance;
  readonly id: string;
  /** Of its prompt, if prefill keeps one. */
  readonly kv: KvHold | undefined;
  /** Lines of the client's head: an engine may want its key. */
  readonly forwarded: string;
}

/**
 * Responses in the background count as work of their instance, and their KV cache as needed, until they are over: so a
 * drain of either role waits for them. No connection tells of their end, so it is asked for.
 */
export class Backgrounds {
  readonly #deadlines: Deadlines;
  readonly #answerMs: number;
  readonly #stops = new Set<StopSignal>();
  #watched = 0;

  constructor(deadlines: Deadlines, { timeouts }: ServerConfig) {
    this.#deadlines = deadlines;
    this.#answerMs = timeouts.answerMs;
  }

  add(background: Background): void {
    const { kv } = background;
    if (kv !== undefined) kv.isWatched = true;
    if (this.#watched < MAX_WATCHED) void this.#watch(background);
    else kv?.abandoned();
  }

  close(): void {
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  async #watch(background: Background): Promise<void> {
    const { instance, kv } = background;
    const end = performance.now() + this.#answerMs;
    this.#watched++;
    instance.begin(0);
    let isRunning = true;
    for (
      let wait = FIRST_LOOK_MS;
      isRunning && performance.now() < end;
      wait = Math.min(2 * wait, LONGEST_MS)
    ) {
      await new Promise<void>((resolve) => this.#deadlines.arm(wait, resolve));
      isRunning = await this.#isRunning(background);
    }
    if (isRunning) kv?.abandoned();
    else kv?.fetched();
    instance.end(0);
    this.#watched--;
  }

  /** Not so when it is not there, and neither when its instance is not. */
  async #isRunning({ instance, id, forwarded }: Background): Promise<boolean> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, `/v1/responses/${id}`, id, forwarded);
    const limits = { deadlines: this.#deadlines, limitMs: LIMIT_MS, fresh: true, isCheck: true } as const;
    try {
      const answer = await askWhole({ instance, request, ...limits, stop }, MAX_ANSWER_BYTES);
      const status = scanIfObject(answer, ["status"])?.find(({ key }) => key === "status");
      return (
        status !== undefined && RUNNING.includes(answer.toString("latin1", status.valueStart, status.end))
      );
    } catch (error) {
      // Slow is not over.
      return toFailure(error).code === `${instance.role}_timeout`;
    } finally {
      this.#stops.delete(stop);
    }
  }
}
