import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { type BodyDecoder, bodyDecoder } from "./body.ts";
import { findHeadEnd, HttpSyntaxError } from "./head.ts";
import { parseRequestHead } from "./request.ts";
import { parseResponseHead } from "./response.ts";
import { WIRE_CASES } from "./wire-cases.ts";

/** What a decoder makes of these pieces: the body, how much belongs to it, whether it is whole, or that it is bad. */
function decode(decoder: BodyDecoder, pieces: readonly Buffer[]) {
  const body: Buffer[] = [];
  let used = 0;
  try {
    for (const piece of pieces) {
      const taken = decoder.push(piece, (bytes) => body.push(bytes));
      used += taken;
      if (taken < piece.length) break;
    }
  } catch (error) {
    expect(error).toBeInstanceOf(HttpSyntaxError);
    return "malformed";
  }
  return { body: Buffer.concat(body).toString("latin1"), used, done: decoder.done };
}

const CHUNKED = { chunked: true, length: undefined };
const inBytes = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
const extension = fc.constantFrom("", ";a", ';a="b c"', ";x;y=z");
const chunkedMessage = fc
  .tuple(
    fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), extension, fc.boolean())),
    fc.constantFrom("", "X-A: b\r\n", "X: \r\nY: z\r\n"),
  )
  .map(([chunks, trailers]) => {
    const texts = chunks.map(([bytes, ext, upper]) => {
      const size = bytes.length.toString(16);
      return `${upper ? size.toUpperCase() : `0${size}`}${ext}\r\n${Buffer.from(bytes).toString("latin1")}\r\n`;
    });
    return {
      body: chunks.map(([bytes]) => Buffer.from(bytes).toString("latin1")).join(""),
      wire: Buffer.from(`${texts.join("")}0\r\n${trailers}\r\n`, "latin1"),
    };
  });

test("any chunked body is read whole, and nothing behind it, wherever it is cut", () => {
  fc.assert(
    fc.property(chunkedMessage, fc.string(), places, ({ body, wire }, behind, at) => {
      const pieces = cut(Buffer.concat([wire, Buffer.from(behind)]), at);

      expect(decode(bodyDecoder(CHUNKED, "empty"), pieces)).toEqual({ body, used: wire.length, done: true });
    }),
    { numRuns: 1000 },
  );
});

test("a chunked body that is cut off is not whole", () => {
  fc.assert(
    fc.property(chunkedMessage, fc.nat(), ({ wire }, at) => {
      const decoder = bodyDecoder(CHUNKED, "until-close");

      decode(decoder, [wire.subarray(0, at % wire.length)]);

      expect(decoder.endOfInput()).toBe(false);
    }),
  );
});

test("a damaged chunked body means the same wherever it is cut", () => {
  const damage = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.constantFrom("", "\r", "\n", "0", "f", ";", " ", "\0", "x", "\r\n"),
  );
  fc.assert(
    fc.property(chunkedMessage, damage, places, ({ wire }, [where, drop, put], at) => {
      const from = where % wire.length;
      const damaged = Buffer.concat([wire.subarray(0, from), Buffer.from(put), wire.subarray(from + drop)]);

      const whole = decode(bodyDecoder(CHUNKED, "empty"), [damaged]);

      expect(decode(bodyDecoder(CHUNKED, "empty"), cut(damaged, at))).toEqual(whole);
      expect(decode(bodyDecoder(CHUNKED, "empty"), inBytes(damaged))).toEqual(whole);
    }),
    { numRuns: 2000 },
  );
});

const name = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^`|~-]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~\u0080-\u00ff](?:[ -~\u0080-\u00ff\t]{0,20}[!-~\u0080-\u00ff])?)?$/);
const ows = fc.stringMatching(/^[ \t]{0,3}$/);
const SPECIAL = new Set(["host", "content-length", "transfer-encoding", "expect", "connection"]);
const fields = fc.array(
  fc.tuple(name, ows, value, ows).filter(([field]) => !SPECIAL.has(field.toLowerCase())),
  { maxLength: 20 },
);
const path = fc.stringMatching(/^\/[!"$-~]{0,20}$/).map((text) => text.replaceAll("?", "-"));

test("any well-formed request head is parsed to what it says, found wherever it is cut", () => {
  fc.assert(
    fc.property(name, path, fields, fc.string(), places, (method, target, list, behind, at) => {
      const lines = list.map(([field, before, text, after]) => `${field}:${before}${text}${after}\r\n`);
      const text = `${method} ${target} HTTP/1.1\r\nHost: h\r\n${lines.join("")}\r\n`;
      const bytes = Buffer.from(text + behind, "latin1");
      let seen = 0;
      let end = -1;
      for (const piece of cut(bytes, at)) {
        if (end !== -1) break;
        end = findHeadEnd(bytes.subarray(0, seen + piece.length), seen);
        seen += piece.length;
      }

      const head = parseRequestHead(bytes.subarray(0, end));

      expect(end).toBe(text.length);
      expect(head).toMatchObject({ method, path: target, minor: 1, keepAlive: true });
      expect(head.fields.slice(1)).toEqual(
        list.map(([field, , content]) => ({ name: field.toLowerCase(), value: content })),
      );
    }),
    { numRuns: 1000 },
  );
});

test("no bytes make a head parser throw anything but a syntax error", () => {
  const pieces = fc.constantFrom(
    "GET",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "Host: a",
    ":",
    "200",
    "\t",
    "\0",
    "é",
    "Content-Length: 1",
  );
  const garbage = fc.array(fc.oneof(pieces, fc.string({ unit: "binary" })), { maxLength: 15 });
  fc.assert(
    fc.property(garbage, (parts) => {
      const bytes = Buffer.from(`${parts.join("").replaceAll("\r\n\r\n", "")}\r\n\r\n`);
      for (const parse of [parseRequestHead, parseResponseHead]) {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(HttpSyntaxError);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

/** What our parser makes of the first request in `bytes`. */
function ours(bytes: Buffer): { method: string; url: string; body: string } | undefined {
  try {
    const start = bytes.indexOf("\r\n") === 0 ? 2 : 0;
    const rest = bytes.subarray(start);
    const end = findHeadEnd(rest, 0);
    if (end === -1) return undefined;
    const head = parseRequestHead(rest.subarray(0, end));
    const decoded = decode(bodyDecoder(head.framing, "empty"), [rest.subarray(end)]);
    if (decoded === "malformed" || !decoded.done) return undefined;
    return { method: head.method, url: head.path, body: decoded.body };
  } catch (error) {
    expect(error).toBeInstanceOf(HttpSyntaxError);
    return undefined;
  }
}

/** What Node's own parser (llhttp) makes of it. */
async function nodes(): Promise<(bytes: Buffer) => Promise<ReturnType<typeof ours>>> {
  let seen: { method: string; url: string; body: string } | undefined;
  const server = createHttpServer((request, response) => {
    const body: Buffer[] = [];
    request.on("data", (bytes) => body.push(bytes));
    request.on("end", () => {
      const url = request.url?.replace(/\?.*/s, "") ?? "";
      seen ??= { method: request.method ?? "", url, body: Buffer.concat(body).toString("latin1") };
      response.end();
    });
    request.on("error", () => {});
  });
  server.on("clientError", (_, socket) => socket.destroy());
  server.on("checkContinue", (request, response) => server.emit("request", request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return async (bytes) => {
    seen = undefined;
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    socket.end(bytes);
    await new Promise((resolve) => socket.on("close", resolve));
    return seen;
  };
}

/** Methods that Node does not know at all. */
const isKnown = (bytes: Buffer) =>
  /^(\r\n)?(GET|POST|DELETE|TRACE|OPTIONS|HEAD|PUT) /.test(bytes.toString("latin1"));

test("every request of the wire cases that we take Node's parser takes alike", async () => {
  const node = await nodes();
  const taken = WIRE_CASES.map(({ id, bytes }) => ({ id, bytes: Buffer.from(bytes, "latin1") }))
    .filter(({ bytes }) => isKnown(bytes))
    .map(({ id, bytes }) => ({ id, bytes, request: ours(bytes) }))
    .filter(({ request }) => request !== undefined);

  for (const { id, bytes, request } of taken)
    expect({ id, request: await node(bytes) }).toEqual({ id, request });

  expect(taken.length).toBeGreaterThan(30);
});

test("every damaged request that we take Node's parser takes alike", async () => {
  const node = await nodes();
  const samples = WIRE_CASES.filter(({ bytes, reaches }) => reaches === 1 && bytes.length < 600);
  const put = fc.constantFrom(
    "",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    ",",
    "0",
    "1",
    "a",
    ";",
    "\0",
    "\xff",
    "chunked",
    "\r\n",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...samples),
      fc.nat(),
      fc.nat(3),
      put,
      async ({ bytes }, at, drop, text) => {
        const from = at % bytes.length;
        const damaged = Buffer.from(bytes.slice(0, from) + text + bytes.slice(from + drop), "latin1");
        const request = ours(damaged);
        if (request === undefined || !isKnown(damaged)) return;

        expect(await node(damaged)).toEqual(request);
      },
    ),
    { numRuns: 1500 },
  );
});
