import { createServer as createHttpServer, request as httpRequest } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { ENGINE_CASES } from "../testing/engine-cases.ts";
import { WIRE_CASES } from "../testing/wire-cases.ts";
import { bodyDecoder } from "./body.ts";
import { findHeadEnd, HttpSyntaxError } from "./head.ts";
import { parseRequestHead } from "./request.ts";
import { parseResponseHead } from "./response.ts";

/*
 * Over ten thousand messages a run, good and damaged, cut anywhere, in both directions. Node's own parser is the judge
 * of what we take: where it reads another message, one of the two would be fooled. It may take what we refuse.
 */

vi.setConfig({ testTimeout: 1_800_000 });
const numRuns = Number(process.env.PROPERTY_RUNS ?? 2600);

interface Message {
  /** The method and the path of a request, the status of an answer. */
  readonly start: string;
  readonly body: string;
}

/** A message, and how many bytes of those that came belong to it; `undefined` when it is refused or not whole. */
type Reader = (pieces: readonly Buffer[]) => { readonly message: Message; readonly used: number } | undefined;

/** What our parsers make of the first message in `pieces`, as the connections use them. */
const read =
  (parse: typeof parseRequestHead | typeof parseResponseHead, otherwise: "empty" | "until-close"): Reader =>
  (pieces) => {
    try {
      let input = Buffer.alloc(0);
      let end = -1;
      const queue = [...pieces];
      while (end === -1) {
        const piece = queue.shift();
        if (piece === undefined) return undefined;
        const seen = input.length;
        input = Buffer.concat([input, piece]);
        end = findHeadEnd(input, seen);
      }
      const head = parse(input.subarray(0, end));
      const start = "status" in head ? String(head.status) : `${head.method} ${head.path}`;
      const decoder = bodyDecoder(head.framing, otherwise);
      const body: Buffer[] = [];
      let used = end;
      for (const piece of [input.subarray(end), ...queue]) {
        if (!decoder.done) used += decoder.push(piece, (bytes) => body.push(Buffer.from(bytes)));
      }
      if (!decoder.done && !decoder.endOfInput()) return undefined;
      return { message: { start, body: Buffer.concat(body).toString("latin1") }, used };
    } catch (error) {
      expect(error).toBeInstanceOf(HttpSyntaxError);
      return undefined;
    }
  };
const readRequest = read(parseRequestHead, "empty");
const readAnswer = read(parseResponseHead, "until-close");

/** A connection on which `bytes` arrive, and then its end. */
function arriving(bytes: Buffer): Duplex {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  stream.on("error", () => {});
  stream.push(bytes);
  stream.push(null);
  return stream;
}

/** What Node's server makes of the first request in some bytes. */
function nodesServer(): (bytes: Buffer) => Promise<Message | undefined> {
  let seen: Message | undefined;
  const server = createHttpServer((request, response) => {
    const body: Buffer[] = [];
    request.on("data", (piece) => body.push(piece));
    request.on("error", () => {});
    request.on("end", () => {
      const path = request.url?.replace(/\?.*/s, "") ?? "";
      seen ??= { start: `${request.method} ${path}`, body: Buffer.concat(body).toString("latin1") };
      response.end();
    });
  });
  server.on("checkContinue", (request, response) => server.emit("request", request, response));
  server.on("clientError", (_, socket) => socket.destroy());
  onTestFinished(() => void server.close());
  return async (bytes) => {
    seen = undefined;
    const stream = arriving(bytes);
    const closed = new Promise((resolve) => stream.on("close", resolve));
    server.emit("connection", stream);
    await closed;
    return seen;
  };
}

/** What Node's client makes of the first answer in some bytes. */
function nodesClient(bytes: Buffer): Promise<Message | undefined> {
  return new Promise((resolve) => {
    const asked = httpRequest({ createConnection: () => arriving(bytes), host: "h" }, (answer) => {
      const body: Buffer[] = [];
      answer.on("data", (piece) => body.push(piece));
      answer.on("error", () => resolve(undefined));
      answer.on("end", () =>
        resolve({ start: String(answer.statusCode), body: Buffer.concat(body).toString("latin1") }),
      );
    });
    asked.on("error", () => resolve(undefined));
    asked.on("upgrade", () => resolve(undefined));
    asked.end();
  });
}

const line = fc
  .tuple(
    fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^`|~-]{1,12}$/),
    fc.stringMatching(/^[ \t]{0,2}$/),
    fc.stringMatching(/^(?:[!-~\u0080-\u00ff](?:[ -~\u0080-\u00ff\t]{0,20}[!-~\u0080-\u00ff])?)?$/),
  )
  .filter(([name]) => !/^(?:host|content-length|transfer-encoding|expect|connection|upgrade)$/i.test(name))
  .map(([name, before, value]) => `${name}:${before}${value}\r\n`);
const lines = fc.array(line, { maxLength: 8 }).map((all) => all.join(""));
const text = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

/** A body and the field that says how it is framed. */
const framed = fc.oneof(
  text.map((body) => ({ field: `Content-Length: ${body.length}\r\n`, wire: body, body })),
  fc
    .tuple(
      fc.array(
        fc.tuple(
          text.filter((piece) => piece !== ""),
          fc.constantFrom("", ";a", ';a="b;c"', ";x;y=z"),
        ),
        { maxLength: 6 },
      ),
      fc.constantFrom("", "X-A: b\r\n", "X:\r\nY: z\r\n"),
    )
    .map(([pieces, trailers]) => ({
      field: "Transfer-Encoding: chunked\r\n",
      wire: `${pieces.map(([piece, extension]) => `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`).join("")}0\r\n${trailers}\r\n`,
      body: pieces.map(([piece]) => piece).join(""),
    })),
);

const requestStart = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"),
    fc.stringMatching(/^\/[!"$->@-~]{0,20}$/),
  )
  .map((words) => words.join(" "));
const goodRequest = fc
  .tuple(requestStart, lines, framed, lines)
  .map(([start, before, { field, wire, body }, after]) => ({
    bytes: `${start} HTTP/1.1\r\n${before}Host: test\r\n${field}${after}\r\n${wire}`,
    said: { start, body },
  }));
const goodAnswer = fc
  .tuple(fc.constantFrom("200", "400", "404", "429", "500", "503"), text, lines, framed, lines)
  .map(([start, reason, before, { field, wire, body }, after]) => ({
    bytes: `HTTP/1.1 ${start} ${reason.replace(/[^ -~]/g, "")}\r\n${before}${field}${after}\r\n${wire}`,
    said: { start, body },
  }));

const places = fc.array(fc.nat(), { maxLength: 12 });

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const sorted = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => bytes.subarray(from, sorted[i] ?? bytes.length));
}

const inBytes = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

/** What smugglers play with. */
const token = fc.constantFrom(
  ...["", "\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", "\0", "\x0b", "\x7f", "\xff", ":", ",", ";", '"', "_"],
  ...["0", "1", "f", "g", "+", "-", "0x", "00", "chunked", "identity", "HTTP/1.0", "0\r\n\r\n", "\r\n "],
  ...["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length", "Transfer-Encoding"],
);
/** Half of it at the begin of a line, where fields and chunk sizes stand. */
const damage = fc.array(
  fc.record({ place: fc.nat(), atLine: fc.boolean(), drop: fc.nat({ max: 3 }), put: token }),
  { minLength: 1, maxLength: 3 },
);
type Damage = typeof damage extends fc.Arbitrary<infer All> ? All : never;

function damaged(bytes: string, all: Damage): Buffer {
  let result = bytes;
  for (const { place, atLine, drop, put } of all) {
    const lineStarts = [...result.matchAll(/(?<=\r\n)/g)].map(({ index }) => index);
    const line = lineStarts[place % lineStarts.length];
    const at = atLine && line !== undefined ? line : place % (result.length + 1);
    result = result.slice(0, at) + put + result.slice(at + (atLine ? 0 : drop));
  }
  return Buffer.from(result, "latin1");
}

const requestBytes = fc.oneof(
  goodRequest.map(({ bytes }) => bytes),
  fc.constantFrom(...WIRE_CASES.map(({ bytes }) => bytes).filter(({ length }) => length < 600)),
);
const answerBytes = fc.oneof(
  goodAnswer.map(({ bytes }) => bytes),
  fc.constantFrom(...ENGINE_CASES.map(({ bytes }) => bytes).filter(({ length }) => length < 600)),
);

/** Methods that Node does not know at all, and `CONNECT`, which it does not read as a request, are not for it to judge. */
const isForNode = ({ start }: Message) => /^(?:GET|POST|PUT|DELETE|OPTIONS|PATCH|HEAD|TRACE) /.test(start);

/** Answers that nobody gets: whatever their body is, they fail. */
const isRelayed = ({ start }: Message) => start === "200" || Number(start) >= 400;

test("Any good request is read as it was meant, cut anywhere, and Node agrees.", async () => {
  const node = nodesServer();
  await fc.assert(
    fc.asyncProperty(goodRequest, places, async ({ bytes, said }, at) => {
      const wire = Buffer.from(bytes, "latin1");

      expect(readRequest(cut(wire, at))).toEqual({ message: said, used: wire.length });
      expect(await node(wire)).toEqual(said);
    }),
    { numRuns },
  );
});

test("Any good answer is read as it was meant, cut anywhere, and Node agrees.", async () => {
  await fc.assert(
    fc.asyncProperty(goodAnswer, places, async ({ bytes, said }, at) => {
      const wire = Buffer.from(bytes, "latin1");

      expect(readAnswer(cut(wire, at))).toEqual({ message: said, used: wire.length });
      expect(await nodesClient(wire)).toEqual(said);
    }),
    { numRuns },
  );
});

test("A damaged request means the same however it is cut, and if we take it, what it means to Node.", async () => {
  const node = nodesServer();
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(requestBytes, damage, places, async (bytes, all, at) => {
      const wire = damaged(bytes, all);
      const request = readRequest([wire]);

      expect(readRequest(cut(wire, at))).toEqual(request);
      expect(readRequest(inBytes(wire))).toEqual(request);
      if (request === undefined || !isForNode(request.message)) return;
      judged++;
      expect(await node(wire.subarray(0, request.used))).toEqual(request.message);
    }),
    { numRuns },
  );
  expect(judged).toBeGreaterThan(numRuns / 10);
});

test("A damaged answer means the same however it is cut, and if we take it, what it means to Node.", async () => {
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(answerBytes, damage, places, async (bytes, all, at) => {
      const wire = damaged(bytes, all);
      const answer = readAnswer([wire]);

      expect(readAnswer(cut(wire, at))).toEqual(answer);
      expect(readAnswer(inBytes(wire))).toEqual(answer);
      if (answer === undefined || !isRelayed(answer.message)) return;
      judged++;
      expect(await nodesClient(wire.subarray(0, answer.used))).toEqual(answer.message);
    }),
    { numRuns },
  );
  expect(judged).toBeGreaterThan(numRuns / 10);
});

test("Every request of the wire cases that we take means the same to Node.", async () => {
  const node = nodesServer();
  const taken = WIRE_CASES.map(({ id, bytes }) => {
    const wire = Buffer.from(bytes, "latin1");
    return { id, wire, request: readRequest([wire]) };
  }).filter(({ request }) => request !== undefined && isForNode(request.message));

  for (const { id, wire, request } of taken) {
    expect({ id, message: await node(wire.subarray(0, request?.used)) }).toEqual({
      id,
      message: request?.message,
    });
  }
  expect(taken.length).toBeGreaterThan(30);
});
