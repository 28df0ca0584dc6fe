/** What one request's line in the log says. Never what it asked or was answered. */
export interface Trace {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** `performance.now()` when the head was complete. */
  readonly startedAt: number;
  prefill?: string;
  decode?: string;
  /** Legs that took a second attempt; the instance named is that of the second. */
  retries?: number;
  /** Milliseconds since `startedAt` at which a phase was over. */
  readonly ms: { body?: number; prefill?: number; firstEvent?: number; lastEvent?: number; total?: number };
  /** Bytes of the answer's body so far. */
  bytes: number;
  /** Events or records of the answer so far, `[DONE]` not counted. */
  events: number;
  status?: number;
  /** `ok`, or the code of the failure. */
  outcome?: string;
  /** More about a failure: may name addresses, so it is for the operator only. */
  detail?: string;
  /** Set when prefill gave no KV parameters. */
  recomputed?: true;
}

export function newTrace(id: string, method: string, path: string): Trace {
  return { id, method, path, startedAt: performance.now(), ms: {}, bytes: 0, events: 0 };
}

/** Where log lines go. Called with one line of JSON, without its end. */
export type LogSink = (line: string) => void;

const CONTROL = /[\u007f-\u009f\u2028\u2029]/g;

/** One line of JSON; characters that a terminal would obey are escaped. */
export function logLine(entry: object): string {
  return JSON.stringify({ time: new Date().toISOString(), ...entry }).replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function markPhase(trace: Trace, phase: keyof Trace["ms"]): void {
  trace.ms[phase] = Math.round((performance.now() - trace.startedAt) * 1000) / 1000;
}
