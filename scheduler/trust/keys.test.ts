import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { ROUTES } from "../config/routes.ts";
import { ask, client, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import { type Overrides, operator, type Rig, startRig } from "../testing/rig.ts";
import { MAX_KEYS, parseKeys } from "./key-file.ts";
import { isPass, makePass } from "./pass.ts";

const sha256 = (key: string) => `sha256:${createHash("sha256").update(key).digest("hex")}`;
const lineOf = (name: string, key: string, more = "") => `${name} ${sha256(key)}${more}\n`;
const FILE = lineOf("alice", "sk-alice") + lineOf("gateway", "sk-gateway", " trusted");

function keysFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-keys-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "keys");
  writeFileSync(path, text);
  return path;
}

async function keyedRig(more: Overrides = {}): Promise<Rig & { readonly path: string }> {
  const path = keysFile(FILE);
  const one = await startRig({}, { trustFiles: { "api-keys-file": path }, ...more });
  return Object.assign(one, { path });
}

const bearer = (key: string) => `Authorization: Bearer ${key}`;
const asks = ({ port }: Rig, ...headers: string[]) => ask(port, post(PLAIN, "/v1/completions", ...headers));

test("Rule 46: who has a key of the file is let in, whatever the case of its scheme, and nobody else.", async () => {
  const one = await keyedRig();
  const cases: [status: number, ...headers: string[]][] = [
    [200, bearer("sk-alice")],
    [200, "authorization: bearer sk-gateway"],
    [200, "AUTHORIZATION: BEARER   sk-alice"],
    [401],
    [401, bearer("sk-mallory")],
    [401, bearer("sk-alic")],
    [401, bearer("sk-alice2")],
    [401, bearer("")],
    [401, "Authorization: Bearer"],
    [401, "Authorization: sk-alice"],
    [401, "Authorization: Basic sk-alice"],
    [401, "Authorization: Bearer sk-alice sk-gateway"],
    [401, "Authorization: Bearer sk-alice,"],
    [401, bearer("sk-alice"), bearer("sk-alice")],
    [401, bearer(sha256("sk-alice"))],
    [401, "X-Api-Key: sk-alice"],
    [401, `Authorization: Bearer ${"k".repeat(15_000)}`],
    [431, `Authorization: Bearer ${"k".repeat(1024 * 1024)}`],
  ];

  for (const [status, ...headers] of cases)
    expect([headers.join().slice(0, 80), (await asks(one, ...headers)).status]).toEqual([
      headers.join().slice(0, 80),
      status,
    ]);
});

test("Rule 46: a refusal has OpenAI's form and says what is asked for, and no engine hears of it.", async () => {
  const { port, prefill, decode, logged } = await keyedRig();

  const none = await ask(port, post(PLAIN));
  const wrong = await ask(port, post(STREAM, "/v1/messages", bearer("sk-mallory")));

  expect([none, wrong].map((answer) => [answer.status, answer.header("www-authenticate")])).toEqual([
    [401, "Bearer"],
    [401, "Bearer"],
  ]);
  expect(none.json()).toEqual({
    error: {
      message: "A key is needed: Authorization: Bearer KEY",
      type: "invalid_request_error",
      param: null,
      code: "no_api_key",
    },
  });
  expect(wrong.json()).toMatchObject({ type: "error", error: { code: "invalid_api_key" } });
  expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
  expect((await logged(2)).text).not.toContain("mallory");
});

test("Rule 46: a body that comes without a key is not read.", async () => {
  const { port } = await keyedRig();
  const one = await client(port);

  one.send(
    "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n",
  );
  const answer = await one.answer();

  expect([answer.status, answer.header("connection")]).toEqual([401, "close"]);
});

test("Rule 46: every path but those of health wants a key, unknown ones too.", async () => {
  const { port } = await keyedRig();
  const paths = [...ROUTES.map(({ path }) => path), "/nowhere", "/metrics", "/v1/embeddings"];

  const answers = await Promise.all(paths.map((path) => ask(port, get(path))));

  const open = paths.filter((_, index) => answers[index]?.status !== 401);
  expect(open).toEqual(["/livez", "/health", "/readyz"]);
});

test("Rule 46: the log and the metrics name the key, and no client's word is a label.", async () => {
  const one = await keyedRig({ workers: 2, metrics: { host: "127.0.0.1", port: 0 } });

  for (const key of ["sk-alice", "sk-alice", "sk-gateway", "sk-mallory"]) await asks(one, bearer(key));

  await one.logged(4);
  expect(one.log.map(({ key = "" }) => key).sort()).toEqual(["", "alice", "alice", "gateway"]);
  expect(one.lines.join()).not.toContain("sk-");
  const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
  expect(text.match(/^ascend_pd_key_requests_total.*$/gm)).toEqual([
    'ascend_pd_key_requests_total{key="alice",status="2xx"} 2',
    'ascend_pd_key_requests_total{key="gateway",status="2xx"} 1',
  ]);
});

test("Rule 46: a client's key does not go on to engines, and what steers only with a key that may.", async () => {
  const one = await keyedRig();
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const steering = ["X-Session-ID: s1", "X-Vllm-Priority: -5", `traceparent: ${parent}`, "tracestate: a=b"];

  for (const key of ["sk-alice", "sk-gateway"]) await asks(one, bearer(key), ...steering);

  const names = ["authorization", "x-session-id", "x-vllm-priority", "traceparent", "tracestate"];
  const seen = one.prefill[0]?.calls.map((call) => names.map((name) => call.header(name)));
  expect(seen).toEqual([
    [[], [], [], [], []],
    [[], ["s1"], ["-5"], [parent], ["a=b"]],
  ]);
});

test("Rule 46: without keys nothing that steers counts.", async () => {
  const one = await startRig();

  const trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  await asks(one, "X-Session-ID: s1", "X-Vllm-Priority: -5", trace, bearer("k"));

  const [call] = one.prefill[0]?.calls ?? [];
  const names = ["x-session-id", "x-vllm-priority", "traceparent", "authorization"];
  expect(names.map((name) => call?.header(name))).toEqual([[], [], [], ["Bearer k"]]);
});

test.each([1, 3])(
  "Rule 46: keys are read again when their file changes, by all of %i workers.",
  async (workers) => {
    const one = await keyedRig({ workers });
    const renewed = (keys: number) =>
      one.events.some((event) => event.renewed === true && event.keys === keys);

    writeFileSync(`${one.path}.new`, lineOf("bob", "sk-bob"));
    renameSync(`${one.path}.new`, one.path);
    await until(() => renewed(1));

    const tries = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? "sk-bob" : "sk-alice"));
    await until(async () => {
      const answers = await Promise.all(tries.map((key) => asks(one, bearer(key))));
      return answers.every(({ status }, index) => status === (index % 2 === 0 ? 200 : 401));
    });
  },
);

test.each([
  ["half of it", FILE.slice(0, -40)],
  ["nothing", ""],
  ["a key in the place of its hash", "alice sk-canary\n"],
  ["too much", `${"#".repeat(300_000)}\n`],
  ["no text", randomBytes(500).toString("latin1")],
])("Rule 46: a file with %s changes nothing, which the log says without its content.", async (_, text) => {
  const one = await keyedRig();

  writeFileSync(one.path, text);
  await until(() => one.events.some((event) => event.renewed === false));

  expect([(await asks(one, bearer("sk-alice"))).status, (await asks(one)).status]).toEqual([200, 401]);
  expect(one.lines.join()).not.toContain("canary");
  rmSync(one.path);
  one.reload();
  await until(() => one.lines.some((line) => line.includes("cannot be read (ENOENT)")));
  expect((await asks(one, bearer("sk-alice"))).status).toBe(200);
  writeFileSync(one.path, lineOf("bob", "sk-bob"));
  one.reload();
  expect((await asks(one, bearer("sk-bob"))).status).toBe(200);
});

test("A scheduler does not start with a file of keys that is wrong, and says each line that is, but not what stands there.", () => {
  const path = keysFile(`alice sk-canary\n# fine\n${lineOf("bob", "k", " admin")}${lineOf("operator", "x")}`);

  const reading = readConfig(["--api-keys-file", path], {});

  expect(reading).toMatchObject({
    problems: expect.arrayContaining(
      [
        "line 1: behind alice stands no sha256: and 64 small hexadecimal digits",
        "line 3: behind the hash of bob stands something else than `trusted`, `share=N` (1 to 999) and `priority=N` (-999 to 999)",
        "line 4: the name operator is the administration's",
      ].map((message) => expect.objectContaining({ message: `--api-keys-file ${path}: ${message}` })),
    ),
  });
  expect(JSON.stringify(reading)).not.toContain("canary");
});

test.each(["/nowhere/keys", tmpdir(), "/dev/zero"])("%s is no file of keys.", (path) => {
  const reading = readConfig(["--api-keys-file", path], {});

  expect(JSON.stringify(reading)).toContain(`--api-keys-file ${path}: it `);
});

test("Lines are read with any white space and line end, comments left out; too many, or one twice, are refused.", () => {
  expect(parseKeys(lineOf("b", "b", " priority=-2 share=4"))).toMatchObject([
    { trusted: false, share: 4, priority: -2 },
  ]);
  for (const word of [
    "share=0",
    "share=1000",
    "share=",
    "share=x",
    "priority=1.5",
    "trusted trusted",
    "share=1 share=1",
  ])
    expect(JSON.stringify(parseKeys(lineOf("b", "b", ` ${word}`)))).toContain("something else than");
  expect(JSON.stringify(parseKeys(lineOf("b", "b", " share=2") + lineOf("b", "b2")))).toContain(
    "line 2: the keys of b have different shares",
  );
  const many = Array.from({ length: MAX_KEYS }, (_, index) => lineOf(`k${index}`, `key ${index}`)).join("");

  expect(parseKeys(`# who\n\n  alice\t${sha256("a")}  trusted # since May\r\n`)).toEqual([
    { name: "alice", sha256: sha256("a").slice(7), trusted: true, share: 1, priority: 0 },
  ]);
  expect(parseKeys(many)).toHaveLength(MAX_KEYS);
  expect(JSON.stringify(parseKeys(many + lineOf("more", "more")))).toContain(`more than ${MAX_KEYS} keys`);
  expect(JSON.stringify(parseKeys(FILE + FILE))).toContain("line 3: the key of alice stands there twice");
});

test("Whatever stands in a file, it is keys or problems that do not show it; any part of a good one has no others.", () => {
  const names = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/).filter((name) => name !== "operator");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const parsed = parseKeys(`canary${text}canary\n`);
      if ("problems" in parsed) expect(JSON.stringify(parsed)).not.toMatch(/canary\s.*canary/s);
    }),
  );
  fc.assert(
    fc.property(fc.uniqueArray(names, { minLength: 1, maxLength: 5 }), fc.nat(), (all, at) => {
      const text = all.map((name) => lineOf(name, name)).join("");
      const whole = parseKeys(text);
      const part = parseKeys(text.slice(0, at % text.length));
      expect(whole).toHaveLength(all.length);
      if (!("problems" in part) && !("problems" in whole)) expect(whole.slice(0, part.length)).toEqual(part);
    }),
  );
});

test("The administration gives a pass, which all workers take for the operator's and that is over in time.", async () => {
  const one = await keyedRig({ workers: 3, admin: [{ port: 0 }] });

  const { answer } = await operator(one).send("/pass", {});
  const answers = await Promise.all(Array.from({ length: 9 }, () => asks(one, bearer(`${answer.key}`))));

  expect(answer.seconds).toBe(600);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  await one.logged(9);
  expect(new Set(one.log.map(({ key }) => key))).toEqual(new Set(["operator"]));
  expect(
    (await asks(one, bearer(`${answer.key}`.replace(/.$/, (last) => (last === "0" ? "1" : "0"))))).status,
  ).toBe(401);
});

test("A pass holds until its time, for its own secret, and as it was given.", () => {
  const [secret, other] = [randomBytes(32), randomBytes(32)];
  const pass = makePass(secret, 1000);

  expect(isPass(secret, pass, 999)).toBe(true);
  expect(isPass(secret, pass, 1000)).toBe(false);
  expect(isPass(other, pass, 999)).toBe(false);
  expect(isPass(secret, pass.replace("1000", "2000"), 999)).toBe(false);
});

test("Without keys there is no pass to give.", async () => {
  const one = await startRig({}, { admin: [{ port: 0 }] });

  expect((await operator(one).send("/pass", {})).answer).toEqual({ key: null, seconds: 600 });
});

test("Keys are compared by timingSafeEqual alone, and none of them before another.", () => {
  const code = ["gate", "pass"].map((file) => readFileSync(`scheduler/trust/${file}.ts`, "utf8"));

  expect(code.map((text) => text.match(/timingSafeEqual\(/g)?.length)).toEqual([1, 1]);
  for (const text of code)
    expect(text).not.toMatch(
      /(digest|seal|token|sha256) *[!=]==?(?!=)(?! *(?:""|undefined))|\.equals\(|localeCompare/,
    );
  // No early end: a loop over keys has no break, and no return.
  expect(code[0]).not.toMatch(/for \(const key of[^\n]*(break|return)/);
});
