/** When parts of a request were over, in milliseconds since its head was complete. */
interface Phases {
  body?: number;
  prefill?: number;
  firstEvent?: number;
  lastEvent?: number;
  total?: number;
}

/** What one request's line in the log says. Never what it asked or was answered. */
export class Trace {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly ms: Phases = {};
  /** Bytes of the answer's body so far. */
  bytes = 0;
  /** Events or records of the answer so far, `[DONE]` not counted. */
  events = 0;
  prefill: string | undefined;
  decode: string | undefined;
  /** Legs that took a second attempt; the instance named is that of the second. */
  retries: number | undefined;
  /** Set when prefill gave no KV parameters. */
  recomputed: true | undefined;
  status: number | undefined;
  /** `ok`, or the code of the failure. */
  outcome: string | undefined;
  /** More about a failure: may name addresses, so it is for the operator only. */
  detail: string | undefined;
  readonly #startedAt = performance.now();

  /** To be called when the head is complete. */
  constructor(id: string, method: string, path: string) {
    this.id = id;
    this.method = method;
    this.path = path;
  }

  /** A phase is over. */
  mark(phase: keyof Phases): void {
    this.ms[phase] = Math.round((performance.now() - this.#startedAt) * 1000) / 1000;
  }
}

/** Where log lines go. Called with one line of JSON, without its end. */
export type LogSink = (line: string) => void;

const CONTROL = /[\u007f-\u009f\u2028\u2029]/g;

/** One line of JSON; characters that a terminal would obey are escaped. `entry` has a member at least. */
export function logLine(entry: object): string {
  return `{"time":"${new Date().toISOString()}",${JSON.stringify(entry).slice(1)}`.replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
