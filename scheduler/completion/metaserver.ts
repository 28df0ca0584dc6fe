import { randomUUID } from "node:crypto";
import type { Handler } from "../client/service.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure } from "../errors.ts";
import { scanIfObject } from "../json/spans.ts";

/** Followed by what is different for each request. */
const PATH = "/v1/metaserver/";
/** How long an engine may still tell of a request that it was just told to end. */
const LINGER_MS = 5000;

/** Decode's parameters, as it wrote them, in latin1. */
type Told = (params: string) => void;

/** What decode is to tell of one request. */
interface Expected {
  /** Stands in the id under which engines know it. */
  readonly id: string;
  readonly told: Told;
}

export interface Ticket {
  /** Where decode tells it: nobody else knows, and nobody can guess. */
  readonly url: string;
  /** Nobody waits for it any more. */
  close(): void;
  /** Likewise, but decode may have begun to tell it. */
  linger(): void;
}

/**
 * Where a decode instance, which was asked first, tells where it wants the KV cache of a request to be pushed: once, and
 * only while that request waits for it.
 */
export class Metaserver {
  readonly #deadlines: Deadlines;
  readonly #expected = new Map<string, Expected>();
  readonly #stops = new Set<StopSignal>();
  /** `http://host:port`, once it listens. */
  origin = "";

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  expect(id: string, told: Told): Ticket {
    const key = randomUUID();
    this.#expected.set(key, { id, told });
    const close = () => void this.#expected.delete(key);
    return {
      url: `${this.origin}${PATH}${key}`,
      close,
      linger: () => void this.#deadlines.arm(LINGER_MS, close),
    };
  }

  /** Work of prefill that goes on when its client has left, but not when the scheduler ends. */
  async outlivingClients<T>(work: (stop: StopSignal) => Promise<T>): Promise<T> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    try {
      return await work(stop);
    } finally {
      this.#stops.delete(stop);
    }
  }

  /** Who answers on `path`. Throws a Failure (404, 405) before the body is read. */
  route({ path, method }: { readonly path: string; readonly method: string }): Handler {
    const key = path.startsWith(PATH) ? path.slice(PATH.length) : "";
    const expected = this.#expected.get(key);
    if (expected === undefined) throw unknown();
    if (method !== "POST") throw new Failure("method_not_allowed", { allow: "POST" });
    return ({ body }, reply) => {
      const bytes = body.take();
      checkTold(bytes, expected.id);
      // Only the first of two that come at once.
      if (!this.#expected.delete(key)) throw unknown();
      // Not when prefill is done: an engine has 32 threads that tell, and looks at no answer.
      reply.send(200, [Buffer.from("{}")]);
      expected.told(bytes.toString("latin1"));
    };
  }

  close(): void {
    this.#expected.clear();
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }
}

function unknown(): Failure {
  return new Failure("not_found", { message: "No request waits for this" });
}

/** Throws a Failure (400, 404) for what is not of the request `id`, or would have prefill push nothing. */
function checkTold(bytes: Buffer, id: string): void {
  const members = scanIfObject(bytes, ["request_id", "do_remote_decode"]);
  if (members === undefined) throw new Failure("invalid_json");
  const textOf = (wanted: string) => {
    const found = members.filter(({ key }) => key === wanted);
    const [member] = found;
    return found.length === 1 && member ? bytes.toString("latin1", member.valueStart, member.end) : "";
  };
  if (!textOf("request_id").includes(id)) throw unknown();
  if (textOf("do_remote_decode") !== "true")
    throw new Failure("invalid_value", { message: "These parameters are not for prefill" });
}
