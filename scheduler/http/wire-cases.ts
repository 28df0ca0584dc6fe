/** What a client may put on the wire, and what has to come of it. */
export interface WireCase {
  readonly id: string;
  /** Clause that decides, of RFC 9110 or 9112; `own` where the rule is stricter than the RFC. */
  readonly clause: string;
  readonly bytes: string;
  /** Statuses of the answers, in order; none when the connection just ends. */
  readonly answers: readonly number[];
  /** Whether the connection can be used for another request afterwards. */
  readonly keeps: boolean;
  /** How many requests reach a prefill instance. */
  readonly reaches: number;
}

const BODY = '{"prompt":"x"}';
const COMPLETION = "POST /v1/completions HTTP/1.1\r\n";
const HOST = "Host: test\r\n";

const served = (id: string, clause: string, bytes: string): WireCase => ({
  id,
  clause,
  bytes,
  answers: [200],
  keeps: true,
  reaches: 1,
});
const livez = (id: string, clause: string, bytes: string): WireCase => ({
  ...served(id, clause, bytes),
  reaches: 0,
});
const refused = (id: string, clause: string, status: number, bytes: string): WireCase => ({
  id,
  clause,
  bytes,
  answers: [status],
  keeps: false,
  reaches: 0,
});
const declined = (id: string, clause: string, status: number, bytes: string): WireCase => ({
  ...refused(id, clause, status, bytes),
  keeps: true,
});

/** A completion with these header lines and this body. */
const post = (headers: string, body = BODY) => `${COMPLETION}${HOST}${headers}\r\n${body}`;
const sized = (headers = "", body = BODY) => post(`${headers}Content-Length: ${body.length}\r\n`, body);
const chunked = (body: string, headers = "") => post(`${headers}Transfer-Encoding: chunked\r\n`, body);
const CHUNKS = `e\r\n${BODY}\r\n0\r\n\r\n`;
const head = (line: string, headers = HOST) => `${line}\r\n${headers}\r\n`;

export const WIRE_CASES: readonly WireCase[] = [
  // Start line
  livez("get", "9112 3", head("GET /livez HTTP/1.1")),
  livez("leading-crlf", "9112 2.2", `\r\n${head("GET /livez HTTP/1.1")}`),
  livez("query-ignored", "9110 4.2.2", head("GET /livez?a=b&c=%20 HTTP/1.1")),
  { ...livez("http-1.0", "9112 2.3", head("GET /livez HTTP/1.0")), keeps: false },
  {
    ...livez(
      "http-1.0-keep-alive",
      "9112 9.3",
      head("GET /livez HTTP/1.0", `${HOST}Connection: keep-alive\r\n`),
    ),
    keeps: false,
  },
  refused("two-leading-crlf", "9112 2.2", 400, `\r\n\r\n${head("GET /livez HTTP/1.1")}`),
  refused("http-0.9", "9112 2.3", 400, "GET /livez\r\n\r\n"),
  refused("http-1.2", "9110 2.5", 505, head("GET /livez HTTP/1.2")),
  refused("http-2.0", "9110 15.6.6", 505, head("GET /livez HTTP/2.0")),
  refused("http-2-preface", "9113 3.4", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  refused("version-lower-case", "9112 2.3", 400, head("GET /livez http/1.1")),
  refused("version-two-digits", "9112 2.3", 400, head("GET /livez HTTP/1.10")),
  refused("version-leading-zero", "9112 2.3", 400, head("GET /livez HTTP/01.1")),
  refused("no-version", "9112 3", 400, head("GET /livez")),
  refused("two-spaces", "9112 3", 400, head("GET  /livez HTTP/1.1")),
  refused("tab-as-space", "9112 3", 400, head("GET\t/livez HTTP/1.1")),
  refused("space-behind-version", "9112 3", 400, head("GET /livez HTTP/1.1 ")),
  refused("leading-space", "9112 2.2", 400, head(" GET /livez HTTP/1.1")),
  refused("method-not-a-token", "9110 9.1", 400, head("G(T /livez HTTP/1.1")),
  refused("absolute-form", "own", 400, head("GET http://test/livez HTTP/1.1")),
  refused("absolute-form-userinfo", "own", 400, head("GET http://test@evil/livez HTTP/1.1")),
  refused("authority-form", "own", 400, head("CONNECT test:443 HTTP/1.1")),
  refused("asterisk-form", "own", 400, head("OPTIONS * HTTP/1.1")),
  refused("target-fragment", "9112 3.2.1", 400, head("GET /livez#a HTTP/1.1")),
  refused("target-nul", "9112 3.2", 400, head("GET /li\0vez HTTP/1.1")),
  refused("target-non-ascii", "9112 3.2", 400, head("GET /liv\xe9z HTTP/1.1")),
  refused("target-del", "9112 3.2", 400, head("GET /livez\x7f HTTP/1.1")),
  refused("bare-cr-in-line", "9112 2.2", 400, head("GET /livez\rx HTTP/1.1")),
  refused("bare-lf-everywhere", "own", 400, "GET /livez HTTP/1.1\nHost: test\n\n"),
  refused("bare-lf-in-start-line", "own", 400, `GET /livez HTTP/1.1\n${HOST}\r\n`),
  refused("binary", "9112 3", 400, "\x16\x03\x01\x02\r\n\r\n"),

  // Paths and methods
  declined("unknown-path", "9110 15.5.5", 404, head("GET /v1/embeddings HTTP/1.1")),
  declined("root", "9110 15.5.5", 404, head("GET / HTTP/1.1")),
  declined("trailing-slash", "own", 404, head("GET /livez/ HTTP/1.1")),
  declined("dot-segment", "own", 404, head("GET /v1/../livez HTTP/1.1")),
  declined("double-slash", "own", 404, head("GET //livez HTTP/1.1")),
  declined("percent-encoded", "own", 404, head("GET /%6civez HTTP/1.1")),
  declined("upper-case", "own", 404, head("GET /LIVEZ HTTP/1.1")),
  declined("metrics-not-here", "own", 404, head("GET /metrics HTTP/1.1")),
  declined("engine-path", "own", 404, head("GET /abort_requests HTTP/1.1")),
  declined("get-on-completions", "9110 15.5.6", 405, head("GET /v1/completions HTTP/1.1")),
  declined("delete", "9110 15.5.6", 405, head("DELETE /v1/models HTTP/1.1")),
  declined("unknown-method", "9110 15.5.6", 405, head("BREW /livez HTTP/1.1")),
  declined("method-lower-case", "9110 9.1", 405, head("get /livez HTTP/1.1")),
  declined("trace", "9110 9.3.8", 405, head("TRACE /livez HTTP/1.1")),
  refused(
    "unknown-path-with-body",
    "9110 15.5.5",
    404,
    `POST /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  ),
  refused(
    "body-is-no-request",
    "own",
    404,
    `POST /x HTTP/1.1\r\n${HOST}Content-Length: 999\r\n\r\n${head("GET /livez HTTP/1.1")}`,
  ),

  // Host
  refused("host-absent", "9112 3.2", 400, head("GET /livez HTTP/1.1", "")),
  refused("host-twice", "9112 3.2", 400, head("GET /livez HTTP/1.1", `${HOST}Host: other\r\n`)),
  refused("host-twice-equal", "9112 3.2", 400, head("GET /livez HTTP/1.1", `${HOST}${HOST}`)),
  refused("host-empty", "own", 400, head("GET /livez HTTP/1.1", "Host:\r\n")),
  refused("host-with-space", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: a b\r\n")),
  refused("host-with-path", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: a/b\r\n")),
  refused("host-with-userinfo", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: u@a\r\n")),
  refused("host-list", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: a, b\r\n")),
  refused("host-bad-port", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: a:b\r\n")),
  refused("host-port-too-large", "9112 3.2", 400, head("GET /livez HTTP/1.1", "Host: a:65536\r\n")),
  livez("host-ipv6", "9110 4.2.1", head("GET /livez HTTP/1.1", "Host: [::1]:9000\r\n")),
  livez("host-any-case", "9110 5.1", head("GET /livez HTTP/1.1", "hOST:test\r\n")),

  // Fields
  livez("value-tabs", "9110 5.5", head("GET /livez HTTP/1.1", `${HOST}X:\t a \t\r\n`)),
  livez("value-empty", "9110 5.5", head("GET /livez HTTP/1.1", `${HOST}X:\r\n`)),
  livez("value-obs-text", "9110 5.5", head("GET /livez HTTP/1.1", `${HOST}X: \xff\r\n`)),
  livez("name-of-object-member", "own", head("GET /livez HTTP/1.1", `${HOST}constructor: 1\r\n`)),
  refused("name-proto", "own", 400, head("GET /livez HTTP/1.1", `${HOST}__proto__: 1\r\n`)),
  refused("name-space-before-colon", "9112 5.1", 400, head("GET /livez HTTP/1.1", `${HOST}X : a\r\n`)),
  refused("name-empty", "9110 5.1", 400, head("GET /livez HTTP/1.1", `${HOST}: a\r\n`)),
  refused("name-with-underscore", "own", 400, head("GET /livez HTTP/1.1", `${HOST}Transfer_Encoding: x\r\n`)),
  refused("name-not-a-token", "9110 5.1", 400, head("GET /livez HTTP/1.1", `${HOST}X(): a\r\n`)),
  refused("name-non-ascii", "9110 5.1", 400, head("GET /livez HTTP/1.1", `${HOST}\xe9: a\r\n`)),
  refused("no-colon", "9112 5", 400, head("GET /livez HTTP/1.1", `${HOST}X\r\n`)),
  refused("obs-fold", "9112 5.2", 400, head("GET /livez HTTP/1.1", `${HOST}X: a\r\n b\r\n`)),
  refused("obs-fold-first", "9112 2.2", 400, head("GET /livez HTTP/1.1", ` X: a\r\n${HOST}`)),
  refused("value-nul", "9110 5.5", 400, head("GET /livez HTTP/1.1", `${HOST}X: a\0b\r\n`)),
  refused("value-bare-cr", "9110 5.5", 400, head("GET /livez HTTP/1.1", `${HOST}X: a\rb\r\n`)),
  refused("value-bare-lf", "own", 400, head("GET /livez HTTP/1.1", `${HOST}X: a\nb\r\n`)),
  refused("value-escape", "9110 5.5", 400, head("GET /livez HTTP/1.1", `${HOST}X: \x1b[2J\r\n`)),
  refused("value-del", "9110 5.5", 400, head("GET /livez HTTP/1.1", `${HOST}X: \x7f\r\n`)),
  refused("too-many-fields", "9110 5.4", 431, head("GET /livez HTTP/1.1", HOST + "X: a\r\n".repeat(100))),
  livez("many-fields", "9110 5.4", head("GET /livez HTTP/1.1", HOST + "X: a\r\n".repeat(99))),
  refused(
    "head-too-large",
    "6585 5",
    431,
    head("GET /livez HTTP/1.1", `${HOST}X: ${"a".repeat(16_384)}\r\n`),
  ),
  refused("head-endless", "6585 5", 431, `GET /livez HTTP/1.1\r\nX: ${"a".repeat(20_000)}`),
  livez("head-large", "6585 5", head("GET /livez HTTP/1.1", `${HOST}X: ${"a".repeat(16_000)}\r\n`)),

  // Content-Length
  served("length", "9112 6.2", sized()),
  served("length-leading-zeros", "9110 8.6", post(`Content-Length: 00${BODY.length}\r\n`)),
  refused("length-twice", "9112 6.3", 400, sized(`Content-Length: ${BODY.length}\r\n`)),
  refused("length-twice-different", "9112 6.3", 400, sized("Content-Length: 3\r\n")),
  refused("length-list", "9110 8.6", 400, post("Content-Length: 14, 14\r\n")),
  refused("length-plus", "9110 8.6", 400, post("Content-Length: +14\r\n")),
  refused("length-minus", "9110 8.6", 400, post("Content-Length: -14\r\n")),
  refused("length-hex", "9110 8.6", 400, post("Content-Length: 0xe\r\n")),
  refused("length-decimal", "9110 8.6", 400, post("Content-Length: 14.0\r\n")),
  refused("length-exponent", "9110 8.6", 400, post("Content-Length: 1e1\r\n")),
  refused("length-empty", "9110 8.6", 400, post("Content-Length:\r\n")),
  refused("length-inner-space", "9110 8.6", 400, post("Content-Length: 1 4\r\n")),
  refused("length-tab-behind", "own", 400, post("Content-Length: 14\t\r\n")),
  refused("length-beyond-numbers", "9110 15.5.14", 413, post(`Content-Length: ${"9".repeat(30)}\r\n`)),
  refused("length-over-limit", "9110 15.5.14", 413, post("Content-Length: 8388609\r\n")),
  declined("no-body", "own", 400, post("", "")),
  declined("length-zero", "own", 400, sized("", "")),
  livez("get-with-body", "9110 9.3.1", `GET /livez HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`),

  // Transfer-Encoding
  served("chunked", "9112 7.1", chunked(CHUNKS)),
  served("chunked-any-case", "9112 7", post("transfer-encoding: CHUNKED\r\n", CHUNKS)),
  served("chunked-several", "9112 7.1", chunked(`3\r\n{"p\r\nB\r\nrompt":"x"}\r\n0\r\n\r\n`)),
  served("chunk-size-upper-case", "9112 7.1", chunked(`E\r\n${BODY}\r\n0\r\n\r\n`)),
  served("chunk-size-leading-zeros", "9112 7.1", chunked(`000e\r\n${BODY}\r\n0000\r\n\r\n`)),
  served("chunk-extension", "9112 7.1.1", chunked(`e;a=b;c="d e"\r\n${BODY}\r\n0;x\r\n\r\n`)),
  served("trailers", "9112 7.1.2", chunked(`e\r\n${BODY}\r\n0\r\nX-A: b\r\nX-B:\r\n\r\n`)),
  refused("trailer-framing", "9110 6.5.1", 400, chunked(`e\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`)),
  refused("length-and-chunked", "9112 6.3", 400, chunked(CHUNKS, `Content-Length: ${CHUNKS.length}\r\n`)),
  refused(
    "chunked-and-length",
    "9112 6.3",
    400,
    chunked(CHUNKS).replace("\r\n\r\n", "\r\nContent-Length: 9\r\n\r\n"),
  ),
  refused("coding-twice", "9112 6.1", 400, chunked(CHUNKS, "Transfer-Encoding: chunked\r\n")),
  refused("coding-list", "9112 6.1", 400, post("Transfer-Encoding: gzip, chunked\r\n", CHUNKS)),
  refused(
    "coding-identity-chunked",
    "9112 6.1",
    400,
    post("Transfer-Encoding: identity, chunked\r\n", CHUNKS),
  ),
  refused("coding-identity", "9112 6.1", 400, post("Transfer-Encoding: identity\r\n", CHUNKS)),
  refused("coding-chunked-twice", "9112 6.1", 400, post("Transfer-Encoding: chunked, chunked\r\n", CHUNKS)),
  refused("coding-xchunked", "9112 6.1", 400, post("Transfer-Encoding: xchunked\r\n", CHUNKS)),
  refused("coding-quoted", "9112 6.1", 400, post('Transfer-Encoding: "chunked"\r\n', CHUNKS)),
  refused("coding-semicolon", "9112 6.1", 400, post("Transfer-Encoding: chunked;a=b\r\n", CHUNKS)),
  refused("coding-empty", "9112 6.1", 400, post("Transfer-Encoding:\r\n", CHUNKS)),
  refused("coding-tab-behind", "own", 400, post("Transfer-Encoding: chunked\t\r\n", CHUNKS)),
  refused("coding-tab-before", "own", 400, post("Transfer-Encoding:\tchunked\r\n", CHUNKS)),
  refused("coding-vertical-tab", "9110 5.5", 400, post("Transfer-Encoding: \x0bchunked\r\n", CHUNKS)),
  refused(
    "coding-in-1.0",
    "9112 6.1",
    400,
    `POST /v1/completions HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  ),
  refused("chunk-size-empty", "9112 7.1", 400, chunked(`\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-0x", "9112 7.1", 400, chunked(`0xe\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-plus", "9112 7.1", 400, chunked(`+e\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-minus", "9112 7.1", 400, chunked("-1\r\n\r\n0\r\n\r\n")),
  refused("chunk-size-underscore", "9112 7.1", 400, chunked(`0_e\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-overflow", "9112 7.1", 400, chunked(`1000000000000000e\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-not-hex", "9112 7.1", 400, chunked(`g\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-leading-space", "9112 7.1", 400, chunked(` e\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-size-trailing-space", "own", 400, chunked(`e \r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-line-bare-lf", "9112 7.1", 400, chunked(`e\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-line-bare-cr", "9112 7.1", 400, chunked(`e\r${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-data-too-long", "9112 7.1", 400, chunked(`d\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-data-bare-lf", "9112 7.1", 400, chunked(`e\r\n${BODY}\n0\r\n\r\n`)),
  refused("chunk-extension-bare-lf", "9112 7.1.1", 400, chunked(`e;a\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-extension-space", "own", 400, chunked(`e; a\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-extension-open-quote", "9112 7.1.1", 400, chunked(`e;a="\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-extension-nul", "9112 7.1.1", 400, chunked(`e;\0\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("chunk-extension-long", "own", 400, chunked(`e;${"a".repeat(5000)}\r\n${BODY}\r\n0\r\n\r\n`)),
  refused("trailer-bare-lf", "9112 7.1.2", 400, chunked(`e\r\n${BODY}\r\n0\r\nX: a\n\r\n`)),
  refused("trailer-no-colon", "9112 7.1.2", 400, chunked(`e\r\n${BODY}\r\n0\r\nX\r\n\r\n`)),
  refused("trailer-fold", "9112 5.2", 400, chunked(`e\r\n${BODY}\r\n0\r\nX: a\r\n b\r\n\r\n`)),
  refused("trailers-long", "own", 400, chunked(`e\r\n${BODY}\r\n0\r\nX: ${"a".repeat(5000)}\r\n\r\n`)),
  refused("last-chunk-bare-lf", "9112 7.1", 400, chunked(`e\r\n${BODY}\r\n0\r\n\n`)),

  // What a body may be
  refused("encoded", "9110 8.4", 415, sized("Content-Encoding: gzip\r\n")),
  served("encoded-identity", "9110 8.4", sized("Content-Encoding: identity\r\n")),
  declined("not-json", "own", 400, sized("", "hello")),
  declined("json-array", "own", 400, sized("", "[1]")),
  declined("json-truncated", "own", 400, sized("", '{"prompt":"x"')),
  declined("json-trailing", "own", 400, sized("", '{"prompt":"x"}{}')),
  declined("json-nan", "own", 400, sized("", '{"temperature":NaN}')),
  declined("json-byte-order-mark", "own", 400, sized("", '\xef\xbb\xbf{"prompt":"x"}')),
  declined("json-not-utf-8", "own", 400, sized("", '{"prompt":"\xff"}')),
  declined("json-overlong-utf-8", "own", 400, sized("", '{"prompt":"\xc0\xaf"}')),
  declined("json-deep", "own", 400, sized("", `{"a":${"[".repeat(100_000)}`)),
  declined("json-key-twice", "own", 400, sized("", '{"stream":true,"\\u0073tream":false}')),
  declined("json-stream-not-bool", "own", 400, sized("", '{"stream":"true"}')),
  served("json-other-key-twice", "own", sized("", '{"x":1,"x":2}')),
  served("json-proto-keys", "own", sized("", '{"__proto__":{"stream":true},"constructor":1}')),

  // Connections
  { ...served("close", "9112 9.6", sized("Connection: close\r\n")), keeps: false },
  { ...served("close-any-case-in-list", "9112 9.6", sized("Connection: x, CLOSE\r\n")), keeps: false },
  served("upgrade-ignored", "9110 7.8", sized("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n")),
  { ...served("pipelined", "9112 9.3.2", sized() + sized()), answers: [200, 200], reaches: 2 },
  {
    ...served("pipelined-behind-error", "9112 9.3.2", sized("", "[]") + sized()),
    answers: [400, 200],
  },
  {
    ...refused("nothing-behind-a-broken-one", "9112 6.3", 400, sized("Content-Length: 3\r\n") + sized()),
  },
  { ...served("nothing-behind-close", "9112 9.6", sized("Connection: close\r\n") + sized()), keeps: false },
  { ...served("expect-continue", "9110 10.1.1", sized("Expect: 100-continue\r\n")) },
  refused("expect-other", "9110 10.1.1", 417, sized("Expect: coffee\r\n")),
  { ...served("http-1.0-completion", "9112 2.3", sized().replace("HTTP/1.1", "HTTP/1.0")), keeps: false },
];
