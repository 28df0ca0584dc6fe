import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { benchClient, type Outcome } from "./client.ts";

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

const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const token = event({ choices: [{ text: "词" }] });
const usage = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 5 } });
const done = "data: [DONE]\n\n";
const question = { path: "/v1/completions", body: "{}" } as const;

/** What comes of one question; how often the time between two events was told. */
async function asked(
  base: string,
  signal = new AbortController().signal,
): Promise<{ outcome: Outcome; gaps: number }> {
  const client = benchClient(base, () => undefined);
  let gaps = 0;
  const outcome = await client.ask(question, signal, () => gaps++);
  client.close();
  return { outcome, gaps };
}

test("An answer is told with the tokens that its usage says, and the times of its events with choices.", async () => {
  const base = await serve((_request, response) => response.end(`: ping\n\n${token}${token}${usage}${done}`));

  const { outcome, gaps } = await asked(base);

  expect(outcome).toMatchObject({ kind: "answered", inputTokens: 7, outputTokens: 5 });
  expect(gaps).toBe(1);
  if (outcome.kind === "answered") expect(outcome.e2el).toBeGreaterThanOrEqual(outcome.ttft);
});

test("Wherever the stream is cut, within a character too, it is the same answer.", async () => {
  const bytes = Buffer.from(`${token}\r\n${token}${token}${usage}${done}`);
  let cuts: readonly number[] = [];
  const base = await serve(async (_request, response) => {
    for (const [index, start] of [0, ...cuts].entries()) {
      response.write(bytes.subarray(start, cuts[index] ?? bytes.length));
      await new Promise(setImmediate);
    }
    response.end();
  });

  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }),
      async (places) => {
        cuts = places.sort((a, b) => a - b);
        const { outcome, gaps } = await asked(base);
        expect([outcome.kind, gaps]).toEqual(["answered", 2]);
      },
    ),
    { numRuns: 50 },
  );
});

const refusal = (status: number, body: string): RequestListener => {
  return (_request, response) => void response.writeHead(status).end(body);
};

test.each<[string, RequestListener, string]>([
  [
    "a refusal with a code",
    refusal(503, '{"error":{"message":"m","type":"t","code":"no_decode"}}'),
    "503 no_decode",
  ],
  [
    "one with vLLM's, which repeats the status",
    refusal(400, '{"error":{"type":"BadRequestError","code":400}}'),
    "400 BadRequestError",
  ],
  ["one that is no JSON", refusal(502, "<html>"), "502"],
  ["one with a code that is no word", refusal(500, '{"error":{"code":"\\u001b[2J"}}'), "500"],
  [
    "an error within the stream",
    (_, response) => response.end(`${token}${event({ error: { message: "lost", code: "decode_failed" } })}`),
    "error in the stream: decode_failed",
  ],
  ["a stream without [DONE]", (_, response) => response.end(token), "stream broke off"],
  [
    "a connection that is cut",
    (_, response) => response.write(token, () => response.destroy()),
    "stream broke off",
  ],
  ["an answer without a token", (_, response) => response.end(`${usage}${done}`), "empty answer"],
  ["what is no event stream", (_, response) => response.end("data: {\n\n"), "not an event stream"],
])("Of %s the class is told.", async (_what, listener, what) => {
  const { outcome } = await asked(await serve(listener));

  expect(outcome).toMatchObject({ kind: "failed", what });
});

test("Where nobody listens, that is the class.", async () => {
  const base = await serve(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));

  expect((await asked(base)).outcome).toMatchObject({ kind: "failed", what: "ECONNREFUSED" });
});

test("Who leaves closes the connection, and counts as neither answered nor failed.", async () => {
  const ending = new AbortController();
  let left: () => void = () => {};
  const hasLeft = new Promise<void>((resolve) => {
    left = resolve;
  });
  const base = await serve((_request, response) => {
    response.on("close", left);
    response.write(token, () => ending.abort());
  });

  const { outcome } = await asked(base, ending.signal);

  expect(outcome).toEqual({ kind: "cancelled" });
  await hasLeft;
});

test("Who leaves before a byte of the answer, on a connection that was kept, asks no second time.", async () => {
  const ending = new AbortController();
  let asked = 0;
  let left: () => void = () => {};
  const hasLeft = new Promise<void>((resolve) => {
    left = resolve;
  });
  const base = await serve((_request, response) => {
    asked++;
    if (asked !== 2) return response.end(`${token}${done}`);
    response.on("close", left);
    return ending.abort();
  });
  const client = benchClient(base, () => undefined);
  const ask = (signal: AbortSignal) => client.ask(question, signal, () => {});

  await ask(ending.signal);
  const { kind } = await ask(ending.signal);
  await hasLeft;
  await ask(new AbortController().signal);
  client.close();

  expect([kind, asked]).toEqual(["cancelled", 3]);
});

test("A connection that is kept, and that the server closes meanwhile, is no failure of the next request.", async () => {
  let connections = 0;
  const base = await serve((request, response) => {
    response.end(`${token}${done}`);
    // As at the end of its keep-alive time, and with a reset.
    response.on("finish", () => setImmediate(() => request.socket.resetAndDestroy()));
  });
  servers.at(-1)?.on("connection", () => connections++);
  const client = benchClient(base, () => undefined);
  const kinds: string[] = [];

  for (let index = 0; index < 20; index++) {
    kinds.push((await client.ask(question, new AbortController().signal, () => {})).kind);
  }
  client.close();

  expect(new Set(kinds)).toEqual(new Set(["answered"]));
  expect(connections).toBeGreaterThan(1);
});

test("The key of the moment goes with each request.", async () => {
  const keys: unknown[] = [];
  const base = await serve((request, response) => {
    keys.push(request.headers.authorization);
    response.end(`${token}${done}`);
  });
  const passes = ["sk-1", "sk-2"];
  const client = benchClient(base, () => passes.shift());

  for (let index = 0; index < 3; index++) await client.ask(question, new AbortController().signal, () => {});
  client.close();

  expect(keys).toEqual(["Bearer sk-1", "Bearer sk-2", undefined]);
});
