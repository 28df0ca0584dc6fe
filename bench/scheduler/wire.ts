import { type PromptName, prompt } from "./prompts.ts";

/** Whose chunks a stream has: 0.33 writes null KV parameters into each. */
export type Chunks = "0.32" | "0.33";

/** What client and engines of this bench say to each other, to the byte. No router may change or mix it up. */

export interface Ask {
  /** Eight digits, different for every request. */
  readonly id: string;
  /** How many engines the request meets: prefill and decode, or decode alone. */
  readonly legs: 1 | 2;
  /** Events of the streamed answer; 0 asks for a plain one. The first comes at once. */
  readonly events: number;
  /** Milliseconds between two events; 0: as fast as they are taken. */
  readonly everyMs: number;
  readonly chunks: Chunks;
}

let asked = 0;

export function newAsk(legs: 1 | 2, events: number, everyMs: number, chunks: Chunks): Ask {
  return { id: String(++asked).padStart(8, "0"), legs, events, everyMs, chunks };
}

/** A completion request of exactly `size` bytes, its head not counted. What is asked stands in the field `user`. */
export function clientRequest(
  { id, legs, events, everyMs, chunks }: Ask,
  size: number,
  name: PromptName,
): Buffer {
  const start =
    `{"model":"bench","user":"${id}:${legs}:${events}:${everyMs}:${chunks}","stream":${events > 0},` +
    `"max_tokens":${Math.max(events, 16)},"prompt":"`;
  const end = '"}';
  return Buffer.concat([
    Buffer.from(postHead(size) + start, "latin1"),
    prompt(name, size - start.length - end.length),
    Buffer.from(end),
  ]);
}

/** The requests that a client without a router would send. */
export function prefillRequest({ id }: Ask): Buffer {
  return post(
    `{"model":"bench","user":"${id}:2:0:0:0.32","stream":false,"max_tokens":1,"prompt":"the prompt"}`,
  );
}

export function decodeRequest({ id, events, everyMs, chunks }: Ask): Buffer {
  return post(
    `{"kv_transfer_params":{"ticket":"${id}"},"model":"bench","user":"${id}:2:${events}:${everyMs}:${chunks}",` +
      `"stream":${events > 0},"max_tokens":16,"prompt":"the prompt"}`,
  );
}

function post(body: string): Buffer {
  return Buffer.from(postHead(body.length) + body, "latin1");
}

function postHead(length: number): string {
  return (
    "POST /v1/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" +
    `Content-Length: ${length}\r\n\r\n`
  );
}

/** Reads what is asked out of a request's body, in whatever order and spacing its keys come. */
export function readAsk(body: Buffer): Ask | undefined {
  const start = body.indexOf('"user":"');
  if (start === -1) return undefined;
  const [id = "", legs, events, everyMs, chunks] =
    body
      .toString("latin1", start + 8, start + 48)
      .split('"', 1)[0]
      ?.split(":") ?? [];
  return {
    id,
    legs: legs === "1" ? 1 : 2,
    events: Number(events),
    everyMs: Number(everyMs),
    chunks: chunks === "0.33" ? "0.33" : "0.32",
  };
}

/** What proves to decode that the answer of this request's prefill has reached it. */
export const ticket = (id: string): string => `"ticket":"${id}"`;

export function prefillAnswer(id: string): string {
  return (
    `{"id":"cmpl-${id}","object":"text_completion","created":1700000000,"model":"bench","choices":[{"index":0,` +
    `"text":" a","logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":64,"total_tokens":65,` +
    `"completion_tokens":1},"kv_transfer_params":{"do_remote_prefill":true,"do_remote_decode":false,` +
    `"remote_block_ids":[1,2,3,4,5,6,7,8],"remote_engine_id":"engine-0","remote_host":"127.0.0.1",` +
    `"remote_port":20001,${ticket(id)}}}`
  );
}

export function decodeAnswer(id: string): string {
  return (
    `{"id":"cmpl-${id}","object":"text_completion","created":1700000000,"model":"bench","choices":[{"index":0,` +
    `"text":" an answer of sixteen tokens","logprobs":null,"finish_reason":"length"}],"usage":` +
    `{"prompt_tokens":64,"total_tokens":80,"completion_tokens":16}}`
  );
}

/** The nth event of a stream, from 0. */
export function event(id: string, n: number, chunks: Chunks): string {
  return (
    `data: {"id":"cmpl-${id}","object":"text_completion","created":1700000000,"model":"bench","choices":` +
    `[{"index":0,"text":" token ${n}","logprobs":null,"finish_reason":null}],"usage":null` +
    `${chunks === "0.33" ? ',"kv_transfer_params":null' : ""}}\n\n`
  );
}

export const DONE = "data: [DONE]\n\n";
