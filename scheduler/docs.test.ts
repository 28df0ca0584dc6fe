import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MAX_COMPLETION_BYTES } from "./completion/records.ts";
import { MAX_HELD_BYTES } from "./completion/relay.ts";
import { MAX_EVENT_BYTES } from "./completion/sse.ts";
import { InvalidTables } from "./config/endpoints.ts";
import { FLAGS, type Flag, IGNORED_FLAGS } from "./config/flags.ts";
import { HANDOFFS, type Handoff, KV_PARAMS } from "./config/handoffs.ts";
import { NOT_SERVED } from "./config/not-served.ts";
import { ROUTES, type Route } from "./config/routes.ts";
import { MAX_ERROR_BYTES } from "./engine/refusal.ts";
import { ERRORS } from "./errors.ts";
import { MAX_HEAD_BYTES } from "./http/head.ts";
import { MAX_WAITING } from "./log.ts";
import { ADMIN_ROUTES } from "./operations/admin.ts";
import { METRICS } from "./operations/metric-table.ts";
import { ask, get, PLAIN, post, STREAM, until } from "./testing/client.ts";
import { answerJson, goodDecode, goodPrefill, type Script } from "./testing/engine.ts";
import { type Rig, startRig } from "./testing/rig.ts";

const text = readFileSync("docs/scheduler.md", "utf8");

/** The tables under a heading: their rows, their cells without back quotes. */
function tables(heading: string): string[][][] {
  const [, rest = ""] = text.split(`\n## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  return (section.match(/(?:^\|.*\n)+/gm) ?? []).map((table) =>
    table
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((row) =>
        row
          .slice(1, -1)
          .split("|")
          .map((cell) => cell.trim().replaceAll("`", "")),
      ),
  );
}

test("docs/scheduler.md lists every flag, with its default and its meaning.", () => {
  const [documented] = tables("Flags");

  expect(documented).toEqual(
    FLAGS.map(({ name, value, fallback = "", help }: Flag) => [`--${name} ${value}`, fallback, help]),
  );
});

test("docs/scheduler.md lists every flag that is ignored.", () => {
  const [, list = ""] = /no effect here: ([^.]*)\./.exec(text) ?? [];

  const documented = Array.from(list.matchAll(/`(--[a-z-]+)`/g), ([, flag]) => flag);
  expect(documented).toEqual(IGNORED_FLAGS.map(({ name }) => `--${name}`));
});

/** What a leg is asked, by key. */
function asked({
  prefill,
  prefillIfThere,
  byParams,
  decodeFirst,
  splitsSamples,
  unfit,
  givesBack,
  ...kept
}: Handoff) {
  const [{ leaseSeconds, release }, told] = [kept, { key: KV_PARAMS, value: "decode's" }];
  const always = [...(decodeFirst ? [told] : []), ...prefill].map(({ key, value = "not there" }) => [
    key,
    key === KV_PARAMS ? kvParams(value) : value,
  ]);
  const ifThere = prefillIfThere.map(({ key, value, unless }) => [
    key,
    `${value} ${unless === undefined ? "if there" : `unless ${unless.join(", ")}`}`,
  ]);
  const refused = unfit.map(({ keys, inChat }) => keys.join(" with ") + (inChat ? " in a chat" : ""));
  const forDecode = decodeFirst ? "where to tell its own" : byParams ? "prefill's" : "not there";
  return [
    ["asked first is", decodeFirst ? "decode" : "prefill"],
    ...[...always, ...ifThere].map(([key, value]) => [`${key} for prefill`, value]),
    [`${KV_PARAMS} for decode`, forDecode],
    ["each of n samples", splitsSamples ? "has legs of its own" : "is decode's"],
    ["a beam search", splitsSamples ? "is decode's alone" : "has both legs"],
    ["return_token_ids for decode", givesBack ? "true, unless --given-back fail" : "the client's"],
    ["what is refused", refused.join("; ") || "nothing"],
    ["--kv-lease, unless given", `${leaseSeconds}`],
    ["--kv-release, unless given", release],
  ];
}

const kvParams = (value: string) => (value.includes('"do_remote_decode":true') ? "to keep the cache" : value);

test("docs/scheduler.md says what each leg is asked, from the data that legs are made from.", () => {
  const documented = tables("How decode finds the KV cache")[1] ?? [];
  const heads = Array.from(
    /^\| of a request .*$/m.exec(text)?.[0].matchAll(/`([^`]+)`/g) ?? [],
    ([, head]) => head,
  );

  expect(heads).toEqual(Object.keys(HANDOFFS).map((name) => (name === "plain" ? "--handoff plain" : name)));
  const columns = Object.values(HANDOFFS).map(asked);
  expect(documented).toEqual(
    columns[0]?.map(([of], row) => [of, ...columns.map((column) => column[row]?.[1])]),
  );
});

test("docs/scheduler.md says what limits are fixed.", () => {
  const [documented = []] = tables("Fixed limits");
  const size = (of: string) => documented.find(([name = ""]) => name.startsWith(of))?.[1];

  expect(size("the head of a request")).toContain(`${MAX_HEAD_BYTES / 1024} KiB`);
  expect(size("an event")).toBe(`${MAX_EVENT_BYTES / 1024 ** 2} MiB`);
  expect(size("a record")).toBe(`${MAX_COMPLETION_BYTES / 1024 ** 2} MiB`);
  expect(size("an engine's error")).toBe(`${MAX_ERROR_BYTES / 1024} KiB`);
  expect(size("a plain answer")).toBe(`${MAX_HELD_BYTES / 1024 ** 2} MiB`);
  expect(size("lines of the log")).toBe(`${MAX_WAITING / 1024 ** 2} MiB`);
});

test("docs/scheduler.md lists every path for clients, with its methods and its API.", () => {
  const [documented] = tables("What it serves");

  const needs = { openai: "USE_OPENAI=1", vllm: "USE_OPENAI=0" };
  expect(documented?.map((row) => row.slice(0, 3))).toEqual(
    ROUTES.map(({ path, methods, api }: Route) => [path, methods.join(", "), api ? needs[api] : "both"]),
  );
});

test("docs/scheduler.md lists what vLLM has and the scheduler has not, with the reason.", () => {
  const [, documented] = tables("What it serves");

  expect(documented).toEqual(NOT_SERVED.map(({ paths, why }) => [paths.join(", "), why]));
});

test("docs/scheduler.md lists every path for operators, with the keys of its body.", () => {
  const [documented] = tables("Seeing, draining, joining and reloading instances");

  expect(documented?.map((row) => row.slice(0, 2))).toEqual(
    Object.entries(ADMIN_ROUTES).map(([path, { method, keys }]) => [`${method} ${path}`, keys.join(", ")]),
  );
});

test("docs/scheduler.md lists every error code, with its status and its meaning.", () => {
  const [documented] = tables("Errors");

  expect(documented).toEqual(
    Object.entries(ERRORS).map(([code, [status, , message]]) => [
      code,
      code === "refused_by_engine" ? "the engine's" : String(status),
      message,
    ]),
  );
});

test("docs/scheduler.md lists every metric, with its type, its labels and its meaning.", () => {
  const [documented] = tables("Metrics");

  expect(documented).toEqual(
    METRICS.map(({ name, type, labels, help }) => [name, type, labels.join(", "), help]),
  );
});

/** Every key that stands in the lines, those of nested objects behind a dot. */
function fieldsOf(lines: readonly object[]): string[] {
  const fields = new Set<string>();
  for (const line of lines) {
    for (const [key, value] of Object.entries(line)) {
      if (!["ms", "tokens"].includes(key)) fields.add(key);
      else for (const part of Object.keys(value)) fields.add(`${key}.${part}`);
    }
  }
  return [...fields].sort();
}

/** A scheduler to which everything has happened that can be logged. */
async function eventfulRig(): Promise<Rig> {
  let params = true;
  let reloads = 0;
  const breaks: Script = (call) => call.path !== "/metrics" && call.socket.destroy();
  const gives: Script = (call) => (params ? goodPrefill(call) : answerJson(call, "{}"));
  const one = await startRig(
    { prefill: [breaks, gives], decode: [goodDecode, goodDecode] },
    {
      policy: "BLB",
      health: { intervalMs: 20, timeoutMs: 100 },
      timeouts: { stallMs: 100 },
      admin: [{ port: 0 }],
      readEndpoints: () => {
        if (reloads++ > 0) throw new InvalidTables([{ message: "wrong", fix: "mend it" }]);
        const [, prefill] = one.prefill.map(({ port }) => ({ host: "127.0.0.1", port }));
        const [decode] = one.decode.map(({ port }) => ({ host: "127.0.0.1", port }));
        if (prefill === undefined || decode === undefined) throw new Error("no engines");
        return { prefill: [prefill], decode: [decode] };
      },
    },
  );
  const isSaid = (said: string) => one.lines.some((line) => line.includes(said));
  for (let i = 0; i < 2; i++) await ask(one.port, post(STREAM));
  for (const engine of one.decode) engine.script = (call) => answerJson(call, "", "500 x");
  await ask(one.port, post(PLAIN));
  await until(() => isSaid("unreleased"));
  for (const engine of one.decode) engine.script = goodDecode;
  params = false;
  for (let i = 0; i < 2; i++) await ask(one.port, post(PLAIN));
  await ask(one.port, "GET / HTTP/9.9\r\n\r\n");
  for (const path of ["/drain", "/join"]) {
    await fetch(`http://127.0.0.1:${one.adminPorts[0]}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"instance":"decode-1"}',
    });
  }
  one.reload();
  one.reload();
  for (const engine of one.prefill) await engine.close();
  await ask(one.port, post(PLAIN));
  for (const engine of one.decode) engine.script = () => {};
  await until(async () => (await ask(one.port, get("/readyz"))).status === 503);
  void ask(one.port, get("/v1/models")).catch(() => {});
  await until(() =>
    ["left", "routing", '"healthy":false', '"stalled":true', '"reloaded":false'].every(isSaid),
  );
  return one;
}

test("docs/scheduler.md lists every field of the log, and no other.", async () => {
  const { lines } = await eventfulRig();
  // canary/breakers.test.ts has instances that fail so often that they are broken, as they may here.
  const entries = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((entry) => !("broken" in entry));
  const kinds = ["id", "instance", "reloaded"].map((mark) => entries.filter((entry) => mark in entry));

  expect(kinds.flat()).toHaveLength(entries.length);
  // completion/resume.test.ts has a request that was given back, trust/keys.test.ts one with a key, completion/admission.test.ts
  // those that wait, tracing/tracing.test.ts those that are in a trace, completion/usage.test.ts those whose usage is told;
  // membership/prompts.test.ts has decode that computes prompts.
  const told = ["tokens.prompt", "tokens.cached", "computesPrompts", "transferShare"];
  const isHere = (field: string) => !["givenBack", "key", "ms.admitted", "traceId", ...told].includes(field);
  const documented = tables("Log").map((rows) =>
    rows
      .map(([field = ""]) => field)
      .filter(isHere)
      .sort(),
  );
  // threads.test.ts has the line about a worker, log.test.ts that about lost ones, bounded.test.ts those about limits,
  // trust/keys.test.ts that about files, test/scheduler-canary.test.ts those about canaries, tracing/tracing.test.ts that
  // about the collector.
  const elsewhere = (field: string) =>
    [
      "quarantined",
      "worker",
      "lost",
      "refused",
      "maxConnections",
      "watching",
      "renewed",
      "exporting",
    ].includes(field);
  expect(kinds.map(fieldsOf)).toEqual(documented.filter((fields) => !fields.some(elsewhere)));
});

test("docs/scheduler.md lists every state of an instance that the log has.", async () => {
  const { lines } = await eventfulRig();

  const states = new Set(lines.map((line) => JSON.parse(line).state).filter((state) => state !== undefined));
  const row = tables("Log")[1]?.find(([field]) => field === "state");
  expect([...states].sort()).toEqual(row?.[1]?.split(/, | or /).sort());
});
