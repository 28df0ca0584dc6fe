/** What an engine may answer a plain completion, and what the client gets. */
export interface EngineCase {
  readonly id: string;
  /** Clause that decides, of RFC 9110 or 9112; `own` where the rule is stricter than the RFC. */
  readonly clause: string;
  readonly bytes: string;
  /** Whether the engine closes the connection behind them. */
  readonly closes?: true;
  readonly status: number;
  /** Whether the connection to the engine is used for the next request. */
  readonly reused: boolean;
}

const BODY = '{"a":1}';

const good = (id: string, clause: string, bytes: string): EngineCase => ({
  id,
  clause,
  bytes,
  status: 200,
  reused: true,
});
const once = (id: string, clause: string, bytes: string): EngineCase => ({
  ...good(id, clause, bytes),
  reused: false,
});
const bad = (id: string, clause: string, bytes: string): EngineCase => ({
  ...once(id, clause, bytes),
  status: 502,
});

const answer = (headers: string, body = BODY, line = "HTTP/1.1 200 OK") => `${line}\r\n${headers}\r\n${body}`;
const LENGTH = "Content-Length: 7\r\n";
const failed = (status: number): EngineCase => ({
  ...good(`error-${status}`, "9110 15.6", answer(LENGTH, BODY, `HTTP/1.1 ${status} Oops`)),
  status,
});
const CODED = "Transfer-Encoding: chunked\r\n";
const CHUNKS = `7\r\n${BODY}\r\n0\r\n\r\n`;

export const ENGINE_CASES: readonly EngineCase[] = [
  good("length", "9112 6.2", answer(LENGTH)),
  good("chunked", "9112 7.1", answer(CODED, CHUNKS)),
  good("chunked-with-trailers", "9112 7.1.2", answer(CODED, `7;x=y\r\n${BODY}\r\n0\r\nX: y\r\n\r\n`)),
  good("no-reason", "9112 4", answer(LENGTH, BODY, "HTTP/1.1 200 ")),
  good(
    "interim-before",
    "9110 15.2",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n${answer(LENGTH)}`,
  ),
  once("close", "9112 9.6", answer(`${LENGTH}Connection: close\r\n`)),
  once("http-1.0", "9112 9.3", answer(LENGTH, BODY, "HTTP/1.0 200 OK")),
  { ...once("until-close", "9112 6.3", answer("")), closes: true },
  once("surplus", "9112 6.3", `${answer(LENGTH)}surplus`),
  once("second-answer", "9112 6.3", answer(LENGTH) + answer(LENGTH)),
  bad("length-and-chunked", "9112 6.3", answer(LENGTH + CODED, CHUNKS)),
  bad("length-twice", "9112 6.3", answer(LENGTH + LENGTH)),
  bad("length-twice-different", "9112 6.3", answer(`${LENGTH}Content-Length: 8\r\n`)),
  bad("length-list", "9112 6.3", answer("Content-Length: 7, 7\r\n")),
  bad("length-tab-behind", "own", answer("Content-Length: 7\t\r\n")),
  bad("length-beyond-counting", "9110 8.6", answer(`Content-Length: ${"9".repeat(400)}\r\n`)),
  bad("length-inexact", "9110 8.6", answer("Content-Length: 9007199254740993\r\n")),
  bad("length-negative", "9110 8.6", answer("Content-Length: -7\r\n")),
  bad("length-not-a-number", "9110 8.6", answer("Content-Length: seven\r\n")),
  bad("coding-gzip", "9112 6.1", answer("Transfer-Encoding: gzip, chunked\r\n", CHUNKS)),
  bad("coding-twice", "9112 6.1", answer(CODED + CODED, CHUNKS)),
  bad("coding-in-1.0", "9112 6.1", answer(CODED, CHUNKS, "HTTP/1.0 200 OK")),
  bad("chunk-size", "9112 7.1", answer(CODED, `x\r\n${BODY}\r\n0\r\n\r\n`)),
  bad("chunk-end", "9112 7.1", answer(CODED, `7\r\n${BODY}0\r\n\r\n`)),
  bad("chunk-bare-lf", "9112 7.1", answer(CODED, `7\n${BODY}\n0\n\n`)),
  { ...bad("chunks-cut", "9112 8", answer(CODED, `7\r\n${BODY}\r\n`)), closes: true },
  { ...bad("length-cut", "9112 8", answer("Content-Length: 8\r\n")), closes: true },
  { ...bad("head-cut", "9112 8", "HTTP/1.1 200 OK\r\nContent-"), closes: true },
  bad("not-http", "9112 4", "SSH-2.0-OpenSSH\r\n\r\n"),
  bad("http-2", "9112 4", answer(LENGTH, BODY, "HTTP/2 200 OK")),
  bad("http-1.2", "own", answer(LENGTH, BODY, "HTTP/1.2 200 OK")),
  bad("status-two-digits", "9112 4", answer(LENGTH, BODY, "HTTP/1.1 20 OK")),
  bad("status-four-digits", "9112 4", answer(LENGTH, BODY, "HTTP/1.1 2000 OK")),
  bad("status-6xx", "9110 15", answer(LENGTH, BODY, "HTTP/1.1 600 OK")),
  bad("bare-lf", "own", answer(LENGTH).replaceAll("\r\n", "\n")),
  bad("header-fold", "9112 5.2", answer(`X: a\r\n b\r\n${LENGTH}`)),
  bad("header-space-before-colon", "9112 5.1", answer(`X : a\r\n${LENGTH}`)),
  bad("header-nul", "9110 5.5", answer(`X: \0\r\n${LENGTH}`)),
  bad("head-too-large", "own", answer(`X: ${"a".repeat(17_000)}\r\n${LENGTH}`)),
  bad("head-endless", "own", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(17_000)}`),
  bad("interim-endless", "own", "HTTP/1.1 103 Early\r\n\r\n".repeat(20)),
  bad("upgrade", "9110 15.2.2", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
  bad("created", "own", answer(LENGTH, BODY, "HTTP/1.1 201 Created")),
  bad("no-content", "own", answer("", "", "HTTP/1.1 204 No Content")),
  bad("partial-content", "own", answer(LENGTH, BODY, "HTTP/1.1 206 Partial Content")),
  bad("redirect", "own", answer(`${LENGTH}Location: http://127.0.0.1:1/\r\n`, BODY, "HTTP/1.1 302 Found")),
  bad(
    "redirect-307",
    "own",
    answer(`${LENGTH}Location: /health\r\n`, BODY, "HTTP/1.1 307 Temporary Redirect"),
  ),
  bad("not-modified", "own", answer("", "", "HTTP/1.1 304 Not Modified")),
  failed(500),
  failed(501),
  failed(504),
  { ...good("refusal", "own", answer(LENGTH, BODY, "HTTP/1.1 404 Not Found")), status: 404 },
  { ...once("refusal-endless", "own", `HTTP/1.1 400 Bad\r\n\r\n${"x".repeat(70_000)}`), status: 400 },
];
