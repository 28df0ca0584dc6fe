import fc from "fast-check";
import { expect, test } from "vitest";
import { type BodyDecoder, bodyDecoder } from "./body.ts";
import { findHeadEnd, HttpSyntaxError } from "./head.ts";
import { parseRequestHead } from "./request.ts";
import { parseResponseHead } from "./response.ts";

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

test("Any chunked body is read whole, and nothing behind it, wherever it is cut.", () => {
  fc.assert(
    fc.property(chunkedMessage, fc.string(), places, ({ body, wire }, behind, at) => {
      const pieces = cut(Buffer.concat([wire, Buffer.from(behind)]), at);

      expect(decode(bodyDecoder(CHUNKED, "empty"), pieces)).toEqual({ body, used: wire.length, done: true });
    }),
    { numRuns: 1000 },
  );
});

test("A chunked body that is cut off is not whole.", () => {
  fc.assert(
    fc.property(chunkedMessage, fc.nat(), ({ wire }, at) => {
      const decoder = bodyDecoder(CHUNKED, "until-close");

      decode(decoder, [wire.subarray(0, at % wire.length)]);

      expect(decoder.endOfInput()).toBe(false);
    }),
  );
});

test("A damaged chunked body means the same wherever it is cut.", () => {
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

test("Any well-formed request head is parsed to what it says, found wherever it is cut.", () => {
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

test("No bytes make a head parser throw anything but a syntax error.", () => {
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
