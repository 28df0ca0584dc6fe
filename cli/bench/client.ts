import { Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { eventData } from "../event-data.ts";
import { authorization, type Key } from "./key.ts";

/** A request as it is sent. */
export interface Question {
  readonly path: "/v1/completions" | "/v1/chat/completions";
  readonly body: string;
}

/** How a question was answered. Times in milliseconds from its sending, as vLLM's own benchmark takes them. */
export type Outcome =
  | {
      readonly kind: "answered";
      /** To the first event with a choice. */
      readonly ttft: number;
      /** To the last one. */
      readonly e2el: number;
      readonly inputTokens: number;
      readonly outputTokens: number;
    }
  /** `what` is a class of failures, of which there are few; `detail` one's own words. */
  | { readonly kind: "failed"; readonly what: string; readonly detail: string }
  /** The client has left. */
  | { readonly kind: "cancelled" };

/** Asks an OpenAI-compatible server for streams, over connections that are kept. */
export interface Client {
  /** Calls `onGap` with the time between each two events with a choice. Never rejects. */
  ask(question: Question, signal: AbortSignal, onGap: (milliseconds: number) => void): Promise<Outcome>;
  /** Closes the connections that are kept. */
  close(): void;
}

/** No byte for so long is no answer any more. */
const SILENCE_MS = 600_000;
/** A server that refuses without end fills no memory. */
const LONGEST_REFUSAL = 64 * 1024;

/** `key` is asked for each request: what it gives may change. */
export function benchClient(base: string, key: Key): Client {
  const isTls = base.startsWith("https:");
  const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, noDelay: true };
  const agent = isTls ? new TlsAgent(options) : new Agent(options);
  const send = isTls ? tlsRequest : plainRequest;
  const begin = ({ path, body }: Question): ClientRequest => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...authorization(key()),
    };
    return send(`${base}${path}`, { method: "POST", agent, headers, timeout: SILENCE_MS }).end(body);
  };
  return {
    ask: (question, signal, onGap) => exchange(() => begin(question), signal, onGap),
    close: () => agent.destroy(),
  };
}

function exchange(
  begin: () => ClientRequest,
  signal: AbortSignal,
  onGap: (milliseconds: number) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const sent = performance.now();
    let sending: ClientRequest;
    let isOver = false;
    const leave = () => {
      end({ kind: "cancelled" });
      sending.destroy();
    };
    const end = (outcome: Outcome) => {
      isOver = true;
      signal.removeEventListener("abort", leave);
      resolve(outcome);
    };
    const fail = (what: string, detail: string) => {
      end({ kind: "failed", what, detail });
      sending.destroy();
    };
    const start = (isAgain: boolean) => {
      let isAnswered = false;
      sending = begin();
      sending.on("response", (answer) => {
        isAnswered = true;
        read(answer, sent, onGap, end, fail);
      });
      sending.on("timeout", () => fail("timeout", `no byte for ${SILENCE_MS / 1000} s`));
      sending.on("error", (error: NodeJS.ErrnoException) => {
        // A server may close a connection that was kept just when the next request is on its way. Leaving looks the same.
        const isStale = sending.reusedSocket && error.code === "ECONNRESET" && !isAnswered;
        if (isStale && !isAgain && !isOver) start(true);
        else fail(error.code ?? "broken connection", error.message);
      });
    };
    if (signal.aborted) return resolve({ kind: "cancelled" });
    signal.addEventListener("abort", leave);
    start(false);
  });
}

function read(
  answer: IncomingMessage,
  sent: number,
  onGap: (milliseconds: number) => void,
  end: (outcome: Outcome) => void,
  fail: (what: string, detail: string) => void,
): void {
  answer.setEncoding("utf8");
  answer.on("error", (error) => fail("stream broke off", error.message));
  if (answer.statusCode !== 200) {
    let body = "";
    answer.on("data", (text: string) => {
      if (body.length < LONGEST_REFUSAL) body += text;
    });
    answer.on("end", () => fail(refusalOf(answer.statusCode ?? 0, body), body.slice(0, 300)));
    return;
  }
  const progress = { ttft: 0, last: 0, events: 0, isDone: false };
  let usage: { prompt_tokens?: unknown; completion_tokens?: unknown } | undefined;
  const cut = eventData();
  const event = (data: string) => {
    if (data === "[DONE]") {
      progress.isDone = true;
      return;
    }
    const chunk: unknown = JSON.parse(data);
    const { choices, usage: told, error } = Object(chunk);
    if (error) throw new ErrorEvent(error);
    if (told) usage = told;
    if (!Array.isArray(choices) || choices.length === 0) return;
    const now = performance.now() - sent;
    if (progress.events === 0) progress.ttft = now;
    else onGap(now - progress.last);
    progress.last = now;
    progress.events++;
  };
  answer.on("data", (text: string) => {
    try {
      for (const data of cut(text)) event(data);
    } catch (error) {
      if (error instanceof ErrorEvent) fail(`error in the stream: ${error.code}`, error.message);
      else fail("not an event stream", (error as Error).message);
    }
  });
  answer.on("end", () => {
    const { ttft, last, events, isDone } = progress;
    if (!isDone) return fail("stream broke off", "it ended without [DONE]");
    if (events === 0) return fail("empty answer", "no event before [DONE]");
    const tokens = (count: unknown, otherwise: number) =>
      Number.isInteger(count) ? Number(count) : otherwise;
    end({
      kind: "answered",
      ttft,
      e2el: last,
      inputTokens: tokens(usage?.prompt_tokens, 0),
      outputTokens: tokens(usage?.completion_tokens, events),
    });
  });
}

class ErrorEvent extends Error {
  readonly code: string;

  constructor(error: unknown) {
    const { message, code, type } = Object(error);
    super(String(message ?? JSON.stringify(error)));
    this.code = codeOf(code ?? type);
  }
}

/** `503 no_decode`: the status, and the code or type that OpenAI's form of an error gives. */
function refusalOf(status: number, body: string): string {
  try {
    const { error } = Object(JSON.parse(body));
    const { code, type } = Object(error);
    return `${status} ${codeOf(typeof code === "string" ? code : type)}`.trim();
  } catch {
    return String(status);
  }
}

/** Of a server; in a word, so that it can name a class. */
const codeOf = (code: unknown): string => (/^[\w.-]{1,64}$/.test(String(code ?? "")) ? String(code) : "");
