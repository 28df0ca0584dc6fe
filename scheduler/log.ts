/** When parts of a request were over, in milliseconds since its head was complete. */
interface Phases {
  body?: number;
  admitted?: number;
  prefill?: number;
  firstEvent?: number;
  lastEvent?: number;
  total?: number;
}

/** What all requests together have been answered. */
export interface Totals {
  addBytes(count: number): void;
  addEvents(count: number): void;
}

/** An instance that is told how long streams that it took part in took. */
export interface Timed {
  readonly role: "prefill" | "decode";
  readonly name: string;
  first(ms: number): void;
  pace(ms: number, events: number): void;
}

/** Of one leg: what its engine is told of the trace that the request is in, and who is told of its end. */
export interface LegRecord {
  /** Whole lines of a head. */
  readonly lines: string;
  end(): void;
}

/** What a tracing system gets to see of a request. */
export interface Recorder {
  readonly traceId: string;
  begin(role: Timed["role"], instance: string): LegRecord;
}

/** Tokens, by the engines' own `usage`; of those that were made, where that is not given, as counted from events. */
export interface Tokens {
  prompt?: number;
  /** Of the prompt: those that prefill had in its prefix cache. */
  cached?: number;
  generated?: number;
  /** What `generated` is by. */
  by?: "usage" | "events";
}

/** Characters of a method or a path that are kept: a head may be 16 KiB of either. */
const MAX_WORD = 200;

const cut = (word: string): string => (word.length <= MAX_WORD ? word : `${word.slice(0, MAX_WORD - 1)}…`);

/** What one request's line in the log says. Never what it asked or was answered. */
export class Trace {
  readonly id: string;
  /** Of the client's choice, like the path, and cut where it is long. */
  readonly method: string;
  readonly path: string;
  readonly ms: Phases = {};
  /** Bytes of the answer's body so far. */
  bytes = 0;
  /** Events or records of the answer so far, `[DONE]` not counted. */
  events = 0;
  /** Name of the key that it came with. */
  key: string | undefined;
  /** Of the trace that it is in, where there is one. */
  traceId: string | undefined;
  prefill: string | undefined;
  decode: string | undefined;
  /** Legs that took a second attempt; the instance named is that of the second. */
  retries: number | undefined;
  /** Set when prefill gave no KV parameters. */
  recomputed: true | undefined;
  tokens: Tokens | undefined;
  /** How often decode ran out of KV cache and gave the answer back. */
  givenBack: number | undefined;
  status: number | undefined;
  /** `ok`, or the code of the failure. */
  outcome: string | undefined;
  /** More about a failure: may name addresses, so it is for the operator only. */
  detail: string | undefined;
  readonly #totals: Totals;
  #prefiller: Timed | undefined;
  #decoder: Timed | undefined;
  #recorder: Recorder | undefined;
  /** Those that were begun last. */
  readonly #legs: Partial<Record<Timed["role"], LegRecord>> = {};
  #traceLines = "";
  readonly #startedAt = performance.now();

  /** To be called when the head is complete. `whole`: the request that this is a part of. */
  constructor(id: string, method: string, path: string, totals: Totals, whole?: Trace) {
    this.id = id;
    this.method = cut(method);
    this.path = cut(path);
    this.#totals = totals;
    this.#recorder = whole?.recorder;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get recorder(): Recorder | undefined {
    return this.#recorder;
  }

  set recorder(recorder: Recorder | undefined) {
    this.#recorder = recorder;
    this.traceId = recorder?.traceId;
  }

  /** Lines of the head of what an engine is asked now: its place in a trace, where there is one. */
  get traceLines(): string {
    return this.#traceLines;
  }

  addBytes(count: number): void {
    this.bytes += count;
    this.#totals.addBytes(count);
  }

  addEvents(count: number): void {
    this.events += count;
    this.#totals.addEvents(count);
  }

  /** An instance is asked, or asked `again`. */
  attempt(instance: Timed, again: boolean): void {
    this[instance.role] = instance.name;
    if (instance.role === "prefill") this.#prefiller = instance;
    else this.#decoder = instance;
    if (again) this.retries = (this.retries ?? 0) + 1;
    if (this.#recorder !== undefined) this.#record(this.#recorder, instance);
  }

  #record(recorder: Recorder, { role, name }: Timed): void {
    this.#legs[role]?.end();
    const leg = recorder.begin(role, name);
    this.#legs[role] = leg;
    this.#traceLines = leg.lines;
  }

  /** None of its legs goes on. */
  endLegs(): void {
    this.#legs.prefill?.end();
    this.#legs.decode?.end();
  }

  /** A phase is over. */
  mark(phase: keyof Phases): void {
    const { ms } = this;
    const isFirstEvent = phase === "firstEvent" && ms.firstEvent === undefined;
    ms[phase] = Math.round((performance.now() - this.#startedAt) * 1000) / 1000;
    if (phase === "prefill") this.#legs.prefill?.end();
    else if (phase === "total") this.endLegs();
    if (ms.firstEvent === undefined) return;
    if (isFirstEvent) {
      this.#prefiller?.first(ms.firstEvent);
      this.#decoder?.first(ms.firstEvent);
    } else if (phase === "total" && ms.lastEvent !== undefined && this.events > 1)
      this.#decoder?.pace(ms.lastEvent - ms.firstEvent, this.events - 1);
  }
}

/** Where log lines go. Called with one line of JSON, without its end. */
export type LogSink = (line: string) => void;

/** How long a line may wait before it is passed on, in the hope of others. */
const GATHER_MS = 20;
/** Characters of lines that may wait while nobody takes them. */
export const MAX_WAITING = 1024 * 1024;

const CONTROL = /[\u007f-\u009f\u2028\u2029]/g;

/** One line of JSON; characters that a terminal would obey are escaped. `entry` has a member at least. */
export function logLine(entry: object): string {
  return `{"time":"${new Date().toISOString()}",${JSON.stringify(entry).slice(1)}`.replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Gathers lines for a moment before they are passed on: each by itself would cost more than all else of it. `pass` calls
 * back when its lines are gone, and gets no others before, but from `flush`. What there is no room for meanwhile is
 * counted and told.
 */
export function gathering(pass: (lines: readonly string[], gone: () => void) => void): {
  readonly say: LogSink;
  /** Passes on all that waits, now. */
  flush(): void;
} {
  let waiting: string[] = [];
  let characters = 0;
  let lost = 0;
  let passing = false;

  function flush(): void {
    if (waiting.length === 0) return;
    if (lost > 0) waiting.push(logLine({ lost }));
    const lines = waiting;
    waiting = [];
    characters = 0;
    lost = 0;
    passing = true;
    pass(lines, () => {
      passing = false;
      flush();
    });
  }

  return {
    say(line) {
      if (characters >= MAX_WAITING) {
        lost++;
        return;
      }
      characters += line.length;
      if (waiting.push(line) === 1 && !passing) setTimeout(flush, GATHER_MS);
    },
    flush,
  };
}
