import { expect, test } from "vitest";
import { requestId } from "./client/ids.ts";
import { RecordSplitter } from "./completion/records.ts";
import { EventSplitter } from "./completion/sse.ts";
import { ByteBuffer } from "./data/bytes.ts";
import { failureFromEvent, isErrorObject, MAX_ERROR_BYTES } from "./engine/refusal.ts";
import { publicText } from "./engine/words.ts";
import { bodyDecoder } from "./http/body.ts";
import { findHeadEnd } from "./http/head.ts";
import { keepAliveHint } from "./http/keep-alive.ts";
import { parseRequestHead } from "./http/request.ts";
import { parseResponseHead } from "./http/response.ts";
import { readLoad, readWork } from "./instances/load.ts";
import { logLine } from "./log.ts";
import { firstModel } from "./membership/stall.ts";

/*
 * What others send must not cost more than in proportion to its length. The costs of a text and of one four times as
 * long are compared: four times as much is linear, sixteen times quadratic.
 */
const TIMES = 4;
const QUADRATIC = 10;

/** Texts of about `length` characters: what repeats, what begins and does not end, what a pattern could stumble over. */
function shapes(length: number): readonly string[] {
  const repeated = (unit: string) => unit.repeat(length / unit.length);
  const units = [
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "a",
    "_",
    "1",
    ".",
    ":",
    "-",
    "[",
    "{",
    '"',
    "\\",
    ",",
    "/",
    "h",
    "é",
  ];
  const pairs = [
    "1.",
    "a.",
    "a:",
    ":1",
    "::",
    "[:",
    "-a",
    "a:1",
    "\n ",
    "\n at",
    "\n at x",
    "a://",
    ":80",
    "1.1.1.1:1",
  ];
  const words = [
    'File "',
    "http://",
    "Traceback",
    "<",
    "data:\n",
    "data: [DONE]\n",
    "\n\n",
    ": c\n\n",
    "\\u00",
    '"id"',
    '"id":"',
  ];
  const begun = [
    "[",
    "\n",
    "[1",
    "\n at ",
    'File "',
    "a://",
    "http://",
    '"id" ',
    '{"error":"',
    "data: \\u00",
  ];
  return [
    ...[...units, ...pairs, ...words].map(repeated),
    ...begun.flatMap((start) => [" ", ":", "a", "1", "\n"].map((unit) => start + repeated(unit))),
    ...["vllm:num_requests_waiting{", "vllm:cache_config_info{", "vllm:num_requests_waiting 1\n"].flatMap(
      (metric) => [
        metric + repeated("}"),
        metric + repeated('x="1"} '),
        repeated(metric),
        repeated(`${metric}} 1\n`),
      ],
    ),
  ];
}

/** The least of several costs: what else the machine does can only add to one. */
function leastCost(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  let total = 0;
  // What takes long is not disturbed for long.
  for (let run = 0; run < 5 && total < 200; run++) {
    const start = performance.now();
    work();
    const cost = performance.now() - start;
    least = Math.min(least, cost);
    total += cost;
  }
  return least;
}

/**
 * How many times as much the longer text costs; costs of some microseconds are as good as none. What is quadratic stays
 * so however often one looks; what only seems so on a busy machine does not.
 */
function growth(work: (text: string) => void, short: string, long: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 30 && least >= QUADRATIC; attempt++) {
    const [one, other] = [short, long].map((text) => leastCost(() => work(text)));
    least = Math.min(least, (other ?? 0) / Math.max(one ?? 0, 0.02));
  }
  return least;
}

const HOSTS = new Set(["known-host"]);
const DECODE = { role: "decode", hosts: HOSTS } as const;

/** `text` in pieces of `size` bytes. */
function pushed(text: string, push: (piece: Buffer) => void, size: number): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
}

const quietly = (work: () => void) => {
  try {
    work();
  } catch {
    // A refusal is an answer too.
  }
};

const READERS: readonly { what: string; length: number; read: (text: string) => void }[] = [
  { what: "the words of an error", length: 8 * 1024, read: (text) => publicText(text, HOSTS) },
  {
    what: "an error event",
    length: MAX_ERROR_BYTES / 2 / TIMES,
    read: (text) =>
      failureFromEvent(DECODE, Buffer.from(JSON.stringify({ error: { message: text, type: text } }))),
  },
  { what: "what may be an error", length: 16 * 1024, read: (text) => isErrorObject(Buffer.from(text)) },
  {
    what: "a stream of events in large pieces",
    length: 16 * 1024,
    read: (text) => {
      const splitter = new EventSplitter();
      pushed(`data: "error"\n${text}\n\n`, (piece) => splitter.push(piece), 16 * 1024);
    },
  },
  {
    what: "a stream of events in small pieces",
    length: 16 * 1024,
    read: (text) => {
      const splitter = new EventSplitter();
      pushed(text, (piece) => splitter.push(piece), 16);
    },
  },
  {
    what: "a stream of records",
    length: 16 * 1024,
    read: (text) => {
      const splitter = new RecordSplitter(1024 * 1024);
      pushed(text, (piece) => splitter.push(piece), 16);
    },
  },
  { what: "an instance's load", length: 16 * 1024, read: readLoad },
  { what: "an instance's work", length: 16 * 1024, read: readWork },
  { what: "an instance's models", length: 16 * 1024, read: (text) => firstModel(Buffer.from(text)) },
  { what: "Keep-Alive", length: 16 * 1024, read: (value) => keepAliveHint([{ name: "keep-alive", value }]) },
  { what: "a client's id", length: 16 * 1024, read: requestId },
  { what: "a line of the log", length: 16 * 1024, read: (path) => logLine({ path }) },
  {
    what: "a head that arrives in small pieces",
    length: 4000,
    read: (text) => {
      const head = new ByteBuffer();
      const take = (piece: Buffer) => {
        const seen = head.length;
        head.append(piece);
        findHeadEnd(head.view(), seen);
      };
      quietly(() => pushed(text.replaceAll(/[\r\n]/g, "x"), take, 1));
    },
  },
  {
    what: "what stands around the data of a body",
    length: 1000,
    read: (text) => {
      const decoder = bodyDecoder({ chunked: true, length: undefined }, "empty");
      quietly(() => decoder.push(Buffer.from(`1;${text}\r\nx\r\n0\r\nA: ${text}\r\n\r\n`), () => {}));
    },
  },
  {
    what: "a client's head",
    length: 4000,
    read: (text) => {
      quietly(() => parseRequestHead(Buffer.from(`GET /${text} HTTP/1.1\r\n\r\n`)));
      quietly(() =>
        parseRequestHead(Buffer.from(`GET / HTTP/1.1\r\nHost: ${text}\r\n${text}\r\nA: ${text}\r\n\r\n`)),
      );
    },
  },
  {
    what: "an engine's head",
    length: 4000,
    read: (text) =>
      quietly(() => parseResponseHead(Buffer.from(`HTTP/1.1 200 ${text}\r\nConnection: ${text}\r\n\r\n`))),
  },
];

test.for(READERS)(
  "Rule 43: reading $what takes time in proportion to its length, whatever it says.",
  ({ length, read }) => {
    const [short, long] = [shapes(length), shapes(TIMES * length)];

    const grown = short.map(
      (text, at) => [JSON.stringify(text.slice(0, 40)), growth(read, text, long[at] ?? "")] as const,
    );

    expect(grown.filter(([, times]) => times >= QUADRATIC)).toEqual([]);
  },
);
