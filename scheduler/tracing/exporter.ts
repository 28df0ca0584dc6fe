import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { type LogSink, logLine } from "../log.ts";
import { attributesOf, type Span } from "./spans.ts";

/** Where spans go, over OTLP. */
export interface Otlp {
  /** Of traces, whole. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What all spans are of: the service's name, and what else is to be told of it. */
  readonly resource: Readonly<Record<string, string>>;
}

/** Spans that may wait; those beyond are dropped. */
const MAX_WAITING = 2048;
/** Spans that go together: as JSON about as much as one turn of the event loop may take. */
const MAX_BATCH = 512;
/** How long spans wait for others. */
const GATHER_MS = 5000;
const LIMIT_MS = 10_000;
/** How long the last ones may take at the end. */
const FLUSH_MS = 2000;
/** Of one batch, with `GATHER_MS` between them. */
const ATTEMPTS = 3;
/** Whoever answers this may take it later. */
const LATER = [429, 502, 503, 504];
const MAX_ANSWER_BYTES = 4096;

/** Told of how many spans what has become. */
export type SpanCount = (exported: number, dropped: number) => void;

/** Sends spans to a collector, some at a time, while nobody waits for it. Those that there is no room for are dropped. */
export class Exporter {
  readonly #otlp: Otlp;
  readonly #resource: object;
  readonly #scope: object;
  readonly #count: SpanCount;
  readonly #log: LogSink;
  #waiting: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(otlp: Otlp, version: string, count: SpanCount, log: LogSink) {
    this.#otlp = otlp;
    this.#resource = { attributes: attributesOf({ "service.version": version, ...otlp.resource }) };
    this.#scope = { name: "ascend-pd", version };
    this.#count = count;
    this.#log = log;
  }

  add(spans: readonly Span[]): void {
    if (this.#waiting.length + spans.length > MAX_WAITING) {
      this.#count(0, spans.length);
      return;
    }
    this.#waiting.push(...spans);
    if (this.#waiting.length >= MAX_BATCH) this.#sendSoon(0);
    else this.#sendSoon(GATHER_MS);
  }

  /** Sends what waits, within a bound. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const limit = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([limit, this.#sendAll()]);
    this.#count(0, this.#waiting.splice(0).length);
  }

  async #sendAll(): Promise<void> {
    await this.#sending;
    while (this.#waiting.length > 0) await this.#send(1);
  }

  #sendSoon(ms: number): void {
    if (this.#sending !== undefined || (this.#timer !== undefined && ms > 0)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#send(ATTEMPTS).finally(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0) this.#sendSoon(this.#waiting.length >= MAX_BATCH ? 0 : GATHER_MS);
      });
    }, ms).unref();
  }

  async #send(attempts: number): Promise<void> {
    const spans = this.#waiting.splice(0, MAX_BATCH);
    const resourceSpans = [{ resource: this.#resource, scopeSpans: [{ scope: this.#scope, spans }] }];
    const body = Buffer.from(JSON.stringify({ resourceSpans }));
    for (let left = attempts; ; left--) {
      const { problem, later, rejected } = await this.#post(body);
      this.#tell(problem);
      if (later && left > 1) {
        await new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS).unref());
        continue;
      }
      const lost = problem === undefined || rejected > 0 ? Math.min(rejected, spans.length) : spans.length;
      this.#count(spans.length - lost, lost);
      return;
    }
  }

  /** The log says when it ceases to go well, and when it does again. */
  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#log(logLine({ exporting: problem === undefined, ...(problem && { why: problem }) }));
  }

  #post(body: Buffer): Promise<Sent> {
    const { url, headers } = this.#otlp;
    const { promise, resolve } = Promise.withResolvers<Sent>();
    const failed = (problem: string, later: boolean) => resolve({ problem, later, rejected: 0 });
    try {
      const options = {
        method: "POST",
        headers: { "content-type": "application/json", ...headers, "content-length": body.length },
        signal: AbortSignal.timeout(LIMIT_MS),
      };
      const request = (url.startsWith("https:") ? tlsRequest : plainRequest)(url, options, (answer) => {
        let text = "";
        answer.on("data", (bytes: Buffer) => {
          if (text.length < MAX_ANSWER_BYTES) text += bytes.toString("latin1");
        });
        answer.on("error", () => failed("its answer broke off", true));
        answer.on("end", () => {
          const { statusCode = 0 } = answer;
          if (statusCode === 200) resolve(rejectedIn(text));
          else failed(`it answered with status ${statusCode}`, LATER.includes(statusCode));
        });
      });
      request.on("error", (error: NodeJS.ErrnoException) => failed(error.code ?? error.message, true));
      request.end(body);
    } catch (error) {
      // Node refuses some addresses and headers only now.
      failed((error as Error).message, false);
    }
    return promise;
  }
}

interface Sent {
  readonly problem: string | undefined;
  /** Whether it may go well later. */
  readonly later: boolean;
  /** Spans that were not taken, although the others were. */
  readonly rejected: number;
}

/** Reads what a collector says of spans that it has not taken. */
function rejectedIn(text: string): Sent {
  const rejected = Number(/"rejectedSpans"\s*:\s*"?([0-9]{1,9})/.exec(text)?.[1] ?? 0);
  return { problem: rejected > 0 ? "it does not take all spans" : undefined, later: false, rejected };
}
