import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  EVENTS,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { operator, type Rig, startRig } from "../testing/rig.ts";
import { METRICS, VERSION } from "./metric-table.ts";
import { Histogram, metricsText } from "./metrics.ts";

const METERED = { metrics: { host: "127.0.0.1", port: 0 } };
const [FIRST = ""] = EVENTS;

interface Family {
  readonly type: string;
  readonly help: string;
  /** Values by name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

/**
 * Reads Prometheus text 0.0.4, and throws at whatever its grammar does not have: an unknown line, a sample outside
 * its family, two samples of one name and label set, a family without head or told twice.
 */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family & { samples: Map<string, number> }>();
  if (!text.endsWith("\n")) throw new Error("no line feed at the end");
  let current = "";
  let help: string | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const [, helpName, helpText] = /^# HELP ([a-z][a-z0-9_]*) (.+)$/.exec(line) ?? [];
    const [, typeName, type] = /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$/.exec(line) ?? [];
    const [, name, labels = "", value] =
      /^([a-z][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\}))?)*\})? (\S+)$/.exec(line) ?? [];
    if (helpName !== undefined && helpText !== undefined && !families.has(helpName)) {
      current = helpName;
      help = helpText;
    } else if (type !== undefined && typeName === current && help !== undefined) {
      families.set(current, { type, help, samples: new Map() });
      help = undefined;
    } else if (name !== undefined && value !== undefined) {
      const family = families.get(current);
      const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!suffixes.some((suffix) => name === current + suffix))
        throw new Error(`not of ${current}: ${line}`);
      if (!/^(?:\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.test(value)) throw new Error(`no value: ${line}`);
      if (family?.samples.has(name + labels)) throw new Error(`twice: ${line}`);
      family?.samples.set(name + labels, Number(value));
    } else throw new Error(`not Prometheus text: ${line}`);
  }
  return families;
}

async function scrape({ metricsPort }: Rig): Promise<Map<string, Family>> {
  const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parse(await answer.text());
}

/** One sample; 0 when it is not there. */
function value(families: ReadonlyMap<string, Family>, name: string, labels = ""): number {
  const family = families.get(name.replace(/_(?:bucket|sum|count)$/, "")) ?? families.get(name);
  return family?.samples.get(name + labels) ?? 0;
}

function requests(families: ReadonlyMap<string, Family>): Record<string, number> {
  return Object.fromEntries(families.get("ascend_pd_requests_total")?.samples ?? []);
}

/** What engines have to tell first: completion/usage.test.ts and membership/prompts.test.ts have those that do. */
const OF_ENGINES = [
  "ascend_pd_key_tokens_total",
  "ascend_pd_instance_prompt_tokens_total",
  "ascend_pd_instance_transfer_share",
];

test("Every metric of the table is there, in its order, with its type and its labels only.", async () => {
  const one = await startRig(
    { prefill: [(call) => answerJson(call, "{}", "500 No")] },
    { ...METERED, admin: [{ port: 0 }], trust: { keys: [] } },
  );
  const { answer } = await operator(one).send("/pass", {});
  await ask(one.port, post(PLAIN, "/v1/completions", `Authorization: Bearer ${answer.key}`));

  const families = await scrape(one);

  expect([...families].map(([name, { type, help }]) => ({ name, type, help }))).toEqual(
    METRICS.map(({ name, type, help }) => ({ name, type, help })),
  );
  for (const { name, labels } of METRICS) {
    for (const sample of families.get(name)?.samples.keys() ?? []) {
      const its = Array.from(sample.matchAll(/[{,]([a-z_]+)="/g), ([, label]) => label);
      expect(its.filter((label) => label !== "le")).toEqual(labels);
    }
    if (!OF_ENGINES.includes(name)) expect(families.get(name)?.samples.size, name).toBeGreaterThan(0);
  }
});

test("Requests are counted by path, outcome and class of status; what a client invents is other.", async () => {
  const one = await startRig({}, METERED);

  await ask(one.port, post(PLAIN));
  await ask(one.port, post(STREAM));
  await ask(one.port, post("{", "/v1/chat/completions"));
  await ask(one.port, get("/livez"));
  await ask(one.port, get("/v1/completions"));
  for (let i = 0; i < 3; i++) await ask(one.port, get(`/invented"\n{}/${i}`.replace("\n", "")));
  await ask(one.port, "BREW /pot HTCPCP/1.0\r\n\r\n");

  const families = await scrape(one);
  expect(requests(families)).toEqual({
    'ascend_pd_requests_total{path="/v1/completions",outcome="ok",status="2xx"}': 2,
    'ascend_pd_requests_total{path="/v1/chat/completions",outcome="invalid_json",status="4xx"}': 1,
    'ascend_pd_requests_total{path="/livez",outcome="ok",status="2xx"}': 1,
    'ascend_pd_requests_total{path="/v1/completions",outcome="method_not_allowed",status="4xx"}': 1,
    'ascend_pd_requests_total{path="other",outcome="not_found",status="4xx"}': 3,
    'ascend_pd_requests_total{path="other",outcome="malformed_http",status="4xx"}': 1,
  });
});

test("Bytes and events of an answer count as they are relayed, [DONE] not as an event.", async () => {
  let release = () => {};
  const one = await startRig(
    {
      decode: [
        ({ socket }) => {
          socket.write(STREAM_HEAD + chunked(EVENTS.join("")));
          release = () => socket.write(`${chunked(EVENTS.join("") + DONE)}0\r\n\r\n`);
        },
      ],
    },
    METERED,
  );
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await connection.received((text) => text.includes(EVENTS[1] ?? ""));

  const running = await scrape(one);
  release();
  const { body } = await connection.answer();
  await one.logged(1);
  const over = await scrape(one);

  expect(value(running, "ascend_pd_events_total")).toBe(2);
  expect(value(running, "ascend_pd_answer_bytes_total")).toBe(EVENTS.join("").length);
  expect(value(running, "ascend_pd_requests_in_flight")).toBe(1);
  expect(value(over, "ascend_pd_events_total")).toBe(4);
  expect(value(over, "ascend_pd_answer_bytes_total")).toBe(body.length);
  expect(await one.logged(1)).toMatchObject({ events: 4, bytes: body.length });
});

test("Times are observed once for each stream and leg.", async () => {
  const one = await startRig({}, METERED);

  for (let i = 0; i < 3; i++) await ask(one.port, post(STREAM));
  await ask(one.port, post(PLAIN));
  await ask(one.port, post("{}x"));
  await one.logged(5);
  const families = await scrape(one);

  expect(value(families, "ascend_pd_time_to_first_token_seconds_count")).toBe(3);
  expect(value(families, "ascend_pd_time_per_output_token_seconds_count")).toBe(3);
  expect(value(families, "ascend_pd_leg_seconds_count", '{leg="prefill"}')).toBe(4);
  expect(value(families, "ascend_pd_leg_seconds_count", '{leg="decode"}')).toBe(4);
});

test("A leg is observed when it went well, from where it began.", async () => {
  const one = await startRig({ decode: [(call) => answerJson(call, "{}", "500 No")] }, METERED);
  const slow = await client(one.port);
  const request = post(PLAIN);
  slow.send(request.slice(0, -1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  slow.send(request.slice(-1));

  await slow.answer();
  const { ms } = await one.logged(1);
  const families = await scrape(one);

  const sum = value(families, "ascend_pd_leg_seconds_sum", '{leg="prefill"}');
  expect(sum).toBeCloseTo(((ms.prefill ?? 0) - (ms.body ?? 0)) / 1000, 6);
  expect(value(families, "ascend_pd_leg_seconds_count", '{leg="prefill"}')).toBe(1);
  expect(value(families, "ascend_pd_leg_seconds_count", '{leg="decode"}')).toBe(0);
});

test("Time to first token and between tokens are those that a client sees.", async () => {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const one = await startRig(
    {
      decode: [
        async ({ socket }) => {
          await pause(150);
          socket.write(STREAM_HEAD);
          for (let i = 0; i < 5; i++) {
            socket.write(chunked(FIRST));
            await pause(40);
          }
          socket.write(`${chunked(DONE)}0\r\n\r\n`);
        },
      ],
    },
    METERED,
  );

  await ask(one.port, post(STREAM));
  await one.logged(1);
  const families = await scrape(one);
  const { ms } = await one.logged(1);

  const ttft = value(families, "ascend_pd_time_to_first_token_seconds_sum");
  const tpot = value(families, "ascend_pd_time_per_output_token_seconds_sum");
  expect(ttft).toBeCloseTo((ms.firstEvent ?? 0) / 1000, 6);
  expect(tpot).toBeCloseTo(((ms.lastEvent ?? 0) - (ms.firstEvent ?? 0)) / 4 / 1000, 6);
  expect(ttft).toBeGreaterThan(0.1);
  expect(tpot).toBeGreaterThan(0.02);
});

test("An instance's failures are told by kind, also when another attempt went well.", async () => {
  const one = await startRig(
    { prefill: [({ socket }) => socket.destroy(), goodPrefill], decode: [goodDecode] },
    METERED,
  );

  const answer = await ask(one.port, post(PLAIN));
  const families = await scrape(one);

  expect(answer.body).toBe(PLAIN_ANSWER);
  const failures = [...(families.get("ascend_pd_instance_failures_total")?.samples ?? [])];
  expect(failures.filter(([, count]) => count > 0)).toEqual([
    [
      'ascend_pd_instance_failures_total{role="prefill",pd_instance="prefill-0",kind="prefill_unreachable"}',
      1,
    ],
  ]);
  const served = (name: string) =>
    value(families, "ascend_pd_instance_served_total", `{role="prefill",pd_instance="${name}"}`);
  expect([served("prefill-0"), served("prefill-1")]).toEqual([0, 1]);
});

test("A prefill that gives no parameters is counted.", async () => {
  const one = await startRig({ prefill: [(call) => answerJson(call, "{}")] }, METERED);

  await ask(one.port, post(PLAIN));

  expect(value(await scrape(one), "ascend_pd_recomputed_total")).toBe(1);
});

test("A blocked event loop shows.", async () => {
  const one = await startRig({}, METERED);
  const before = value(await scrape(one), "ascend_pd_event_loop_lag_seconds_count");
  await until(async () => value(await scrape(one), "ascend_pd_event_loop_lag_seconds_count") > before);

  const end = performance.now() + 400;
  while (performance.now() < end);

  await until(async () => {
    const families = await scrape(one);
    const under = value(families, "ascend_pd_event_loop_lag_seconds_bucket", '{le="0.25"}');
    return value(families, "ascend_pd_event_loop_lag_seconds_count") > under;
  });
});

test("The version is that of the package.", () => {
  expect(VERSION).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
});

test.for([
  { path: "/", method: "GET", status: 404 },
  { path: "/metrics?x", method: "GET", status: 404 },
  { path: "/v1/completions", method: "POST", status: 404 },
  { path: "/drain", method: "POST", status: 404 },
  { path: "/metrics", method: "POST", status: 405 },
])("The metrics port answers $method $path with $status.", async ({ path, method, status }) => {
  const one = await startRig({}, METERED);

  const answer = await fetch(`http://127.0.0.1:${one.metricsPort}${path}`, { method });

  expect(answer.status).toBe(status);
});

test("The metrics port answers CONNECT, and does not end the connection without a word.", async () => {
  const { metricsPort = 0 } = await startRig({}, METERED);
  const one = await client(metricsPort);

  one.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");

  expect((await one.answer()).status).toBe(405);
});

test("A client that asks the metrics port for a tunnel, and resets the connection, harms nobody.", async () => {
  const { metricsPort = 0 } = await startRig({}, METERED);
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => void process.off("uncaughtException", note));

  for (let times = 0; times < 10; times++) {
    const socket = connect(metricsPort, "127.0.0.1").on("error", () => {});
    socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", () => socket.resetAndDestroy());
    await once(socket, "close");
  }

  expect((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status).toBe(200);
  expect(uncaught).toEqual([]);
});

test("The client port has no metrics, and without its flag nobody has.", async () => {
  const [metered, bare] = [await startRig({}, METERED), await startRig()];

  expect((await ask(metered.port, get("/metrics"))).status).toBe(404);
  expect(bare.metricsPort).toBe(undefined);
});

/** What a client does, and what it must see. */
const MOVES = {
  plain: async ({ port }: Rig) => {
    expect((await ask(port, post(PLAIN))).body).toBe(PLAIN_ANSWER);
  },
  stream: async ({ port }: Rig) => {
    expect((await ask(port, post(STREAM))).body).toBe(EVENTS.join("") + DONE);
  },
  refused: async ({ port }: Rig) => {
    expect((await ask(port, post('{"refuse":true}'))).status).toBe(400);
  },
  cut: async ({ port }: Rig) => {
    expect((await ask(port, post('{"cut":true,"stream":true}'))).body).toContain('"decode_failed"');
  },
  malformed: async ({ port }: Rig) => {
    expect((await ask(port, "GET / HTTP/9.9\r\n\r\n")).status).toBe(505);
  },
  leaveEarly: async ({ port }: Rig) => {
    const connection = await client(port);
    connection.send(post('{"hang":true,"stream":true}').slice(0, -3));
    connection.socket.destroy();
  },
  leave: async ({ port }: Rig) => {
    const connection = await client(port);
    connection.send(post('{"hang":true,"stream":true}'));
    await connection.received((text) => text.includes(FIRST));
    connection.socket.destroy();
  },
};

const decodeForMoves: Script = (call) => {
  const { refuse, cut, hang } = JSON.parse(call.body);
  if (refuse) answerJson(call, '{"error":{"message":"no"}}', "400 Bad Request");
  else if (cut) call.socket.end(STREAM_HEAD + chunked(FIRST));
  else if (hang) call.socket.write(STREAM_HEAD + chunked(FIRST));
  else goodDecode(call);
};

test("Whatever clients do at once: counters only grow, each request counts once, in the end nothing is in flight.", async () => {
  const moves = fc.array(fc.constantFrom(...(Object.keys(MOVES) as (keyof typeof MOVES)[])), {
    minLength: 1,
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const engines = { prefill: [goodPrefill, goodPrefill], decode: [decodeForMoves, decodeForMoves] };
      const one = await startRig(engines, { ...METERED, kvLeaseMs: 50 });
      let last = await scrape(one);
      const grows = async () => {
        const next = await scrape(one);
        for (const [name, { type, samples }] of last) {
          for (const [sample, before] of type === "gauge" ? [] : samples) {
            expect(next.get(name)?.samples.get(sample), sample).toBeGreaterThanOrEqual(before);
          }
        }
        last = next;
      };

      let going = true;
      const watching = (async () => {
        while (going) await grows();
      })();
      await Promise.all(all.map((move) => MOVES[move](one)));
      const total = () => Object.values(requests(last)).reduce((sum, count) => sum + count, 0);
      // A request whose client has left before its head was read is none.
      const certain = all.filter((move) => move !== "leaveEarly").length;
      const held = () => [...(last.get("ascend_pd_instance_kv_held")?.samples.values() ?? [])];
      await until(
        () =>
          total() >= certain &&
          value(last, "ascend_pd_requests_in_flight") === 0 &&
          held().every((count) => count === 0),
      );
      going = false;
      await watching;

      expect(total()).toBeLessThanOrEqual(all.length);
      expect([...(last.get("ascend_pd_instance_in_flight")?.samples.values() ?? [])]).toEqual([0, 0, 0, 0]);
      expect(held()).toEqual([0, 0, 0, 0]);
      for (const { type, samples } of last.values()) if (type === "histogram") expectHistogram(samples);
    }),
    { numRuns: 12 },
  );
});

/** Buckets are cumulative and in order, and the last of them counts everything. */
function expectHistogram(samples: ReadonlyMap<string, number>): void {
  const series = new Map<string, { bounds: number[]; counts: number[] }>();
  for (const [sample, count] of samples) {
    const [, labels = "", bound] = /_bucket\{(.*?),?le="([^"]*)"\}$/.exec(sample) ?? [];
    if (bound === undefined) continue;
    const one = series.get(labels) ?? { bounds: [], counts: [] };
    one.bounds.push(bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound));
    one.counts.push(count);
    series.set(labels, one);
  }
  for (const [labels, { bounds, counts }] of series) {
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
    const whole = [...samples].find(([name]) =>
      name.endsWith(labels === "" ? "_count" : `_count{${labels}}`),
    );
    expect(counts.at(-1)).toBe(whole?.[1]);
  }
}

test("A histogram counts each observation in every bucket that it fits in.", () => {
  const numbers = fc.double({ min: 0, max: 20, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.oneof(numbers, fc.constantFrom(1, 2.5, 10))), (observed) => {
      const bounds = [1, 2.5, 10];
      const histogram = new Histogram(bounds, new Float64Array(bounds.length + 2));

      for (const one of observed) histogram.observe(one);

      const values = histogram.samples({ leg: "x" }).map(({ labels, value }) => [labels.le, value]);
      const upTo = (bound: number) => observed.filter((one) => one <= bound).length;
      expect(values).toEqual([
        ...bounds.map((bound) => [String(bound), upTo(bound)]),
        ["+Inf", observed.length],
        [undefined, observed.reduce((sum, one) => sum + one, 0)],
        [undefined, observed.length],
      ]);
    }),
  );
});

test("Label values are escaped so that they read back as they were.", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const metric = { name: "m", type: "gauge", help: "h", labels: ["l"] } as const;

      const families = parse(metricsText([[metric, [{ labels: { l: text }, value: 1 }]]]));

      const [sample = ""] = families.get("m")?.samples.keys() ?? [];
      const read = sample.slice('m{l="'.length, -'"}'.length);
      expect(read.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char))).toBe(text);
    }),
  );
});

test("Answers of a stream that failed are counted under their failure.", async () => {
  const one = await startRig({ decode: [(call) => answerEvents(call, FIRST)] }, METERED);

  await ask(one.port, post(STREAM));
  await one.logged(1);

  expect(requests(await scrape(one))).toEqual({
    'ascend_pd_requests_total{path="/v1/completions",outcome="decode_failed",status="2xx"}': 1,
  });
});
