import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { FixableError } from "../problems/fixable-error.ts";
import { streamChat } from "./chat.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The pieces that come before the stream ends or fails; `pieces` is filled as they come. */
async function chat(endpoint: string, pieces: string[] = []): Promise<string[]> {
  for await (const piece of streamChat(endpoint, "test-model", "Hello", 8)) pieces.push(piece);
  return pieces;
}

const event = (content: string) => `data: {"choices":[{"delta":{"content":${JSON.stringify(content)}}}]}\n\n`;
const role = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"total_tokens":3}}\n\n';
const done = "data: [DONE]\n\n";

test("The request asks the model for a stream, and the pieces come without role and usage.", async () => {
  const requests: unknown[] = [];
  const endpoint = await serve(async (request, response) => {
    requests.push({ url: `${request.method} ${request.url}`, body: JSON.parse(await text(request)) });
    response.end(`${role}${event("Hello,")}${event(" world")}${usage}${done}`);
  });

  const pieces = await chat(endpoint);

  expect(pieces).toEqual(["Hello,", " world"]);
  expect(requests).toEqual([
    {
      url: "POST /v1/chat/completions",
      body: {
        model: "test-model",
        stream: true,
        max_tokens: 8,
        messages: [{ role: "user", content: "Hello" }],
      },
    },
  ]);
});

test("Wherever the stream is cut into chunks, within a character too, the pieces are the same.", async () => {
  const bytes = Buffer.from(`${role}: ping\n\n${event("预填充")}${event("\n\ndata: ")}${event("😀")}${done}`);
  let cuts: readonly number[] = [];
  const endpoint = await serve(async (_request, response) => {
    response.socket?.setNoDelay();
    for (const [index, start] of [0, ...cuts].entries()) {
      response.write(bytes.subarray(start, cuts[index] ?? bytes.length));
      await new Promise(setImmediate);
    }
    response.end();
  });
  const somewhere = fc.integer({ min: 1, max: bytes.length - 1 });

  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(somewhere, { maxLength: 6 }), async (places) => {
      cuts = places.sort((a, b) => a - b);
      expect(await chat(endpoint)).toEqual(["预填充", "\n\ndata: ", "😀"]);
    }),
    { numRuns: 60 },
  );
});

test("Each piece is given as it comes, before the next is sent.", async () => {
  let next: () => void = () => {};
  const endpoint = await serve(async (_request, response) => {
    response.write(event("one"));
    await new Promise<void>((resolve) => {
      next = resolve;
    });
    response.end(`${event("two")}${done}`);
  });

  const pieces: string[] = [];
  for await (const piece of streamChat(endpoint, "test-model", "Hello", 8)) {
    pieces.push(piece);
    next();
  }

  expect(pieces).toEqual(["one", "two"]);
});

test("An error event ends the answer with the server's words.", async () => {
  const endpoint = await serve((_request, response) =>
    response.end(`${event("Hello")}data: {"error":{"message":"decode instance lost"}}\n\n${done}`),
  );
  const pieces: string[] = [];

  await expect(chat(endpoint, pieces)).rejects.toThrow("the answer broke off: decode instance lost");
  expect(pieces).toEqual(["Hello"]);
});

test("A stream that ends in order but without [DONE] is not taken for a whole answer.", async () => {
  const endpoint = await serve((_request, response) => response.end(event("Hello")));

  await expect(chat(endpoint)).rejects.toThrow("the answer broke off before it was complete");
});

test("A connection that is cut is told as that, after the pieces that came.", async () => {
  const endpoint = await serve((_request, response) =>
    response.write(event("Hello"), () => response.destroy()),
  );
  const pieces: string[] = [];

  await expect(chat(endpoint, pieces)).rejects.toThrow("the answer broke off: other side closed");
  expect(pieces).toEqual(["Hello"]);
});

test("A refusal shows the status and the server's own words.", async () => {
  const endpoint = await serve((_request, response) => response.writeHead(503).end("no decode instance"));

  await expect(chat(endpoint)).rejects.toThrow(`${endpoint} answered 503: no decode instance`);
});

test("What keeps an answer from coming is told with a way to mend it.", async () => {
  const endpoint = await serve((_request, response) => response.writeHead(503).end("no decode instance"));

  await expect(chat(endpoint)).rejects.toBeInstanceOf(FixableError);
});

test("Where nobody listens, the address and the reason are named.", async () => {
  const endpoint = await serve(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));

  await expect(chat(endpoint)).rejects.toThrow(`${endpoint} does not answer: connect ECONNREFUSED`);
});
