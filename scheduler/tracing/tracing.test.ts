import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import { answerJson, type FakeEngine, goodDecode, goodPrefill } from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";
import type { Sampler } from "./sampler.ts";
import type { Span } from "./spans.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `traceparent: 00-${ID}-${SPAN}-01`;
const KEY = "Authorization: Bearer sk";
const sha256 = createHash("sha256").update("sk").digest("hex");
const TRUSTED: Overrides = {
  trust: { keys: [{ name: "gateway", sha256, trusted: true, share: 1, priority: 0 }] },
};

const completion = (body: string, ...headers: string[]) => post(body, "/v1/completions", ...headers);
const seenBy = (engines: readonly FakeEngine[], name: string) =>
  engines.flatMap(({ calls }) => calls.map((call) => call.header(name)));

/** A collector that keeps what it is sent; `answer` says how. */
async function collector(answer = (): [status: number, body: string] => [200, "{}"]) {
  const bodies: { text: string; headers: Record<string, unknown>; path: string | undefined }[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    request.on("end", () => {
      bodies.push({ text, headers: request.headers, path: request.url });
      const [status, body] = answer();
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  return {
    bodies,
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans: () =>
      bodies.flatMap(({ text }) =>
        JSON.parse(text).resourceSpans.flatMap((one: { scopeSpans: { spans: Span[] }[] }) =>
          one.scopeSpans.flatMap(({ spans }) => spans),
        ),
      ) as Span[],
  };
}

const exportingTo = (url: string, sampler: Sampler["name"] = "parentbased_always_on") => ({
  tracing: {
    otlp: { url, headers: { "x-tenant": "t" }, resource: { "service.name": "pd" } },
    sampler: { name: sampler, ratio: 1 },
  },
  metrics: { host: "127.0.0.1", port: 0 },
});

const attribute = ({ attributes }: Span, name: string) => {
  const value = attributes.find(({ key }) => key === name)?.value;
  return value && ("stringValue" in value ? value.stringValue : Number(value.intValue));
};
const spanNamed = (spans: readonly Span[], name: string) => spans.filter((span) => span.name === name);

async function spanCounts({ metricsPort }: Rig): Promise<(string | undefined)[]> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return ["exported", "dropped"].map(
    (result) => new RegExp(`^ascend_pd_spans_total\\{result="${result}"\\} (\\S+)$`, "m").exec(text)?.[1],
  );
}

test("A trace that a trusted client is in goes on to both legs, and its id is in the log.", async () => {
  const one = await startRig({}, TRUSTED);

  await ask(one.port, completion(PLAIN, KEY, PARENT, "tracestate: a=b", "tracestate: c=d"));

  expect(seenBy([...one.prefill, ...one.decode], "traceparent")).toEqual([
    [PARENT.slice(13)],
    [PARENT.slice(13)],
  ]);
  expect(seenBy([...one.prefill, ...one.decode], "tracestate")).toEqual([["a=b,c=d"], ["a=b,c=d"]]);
  expect(JSON.parse((await one.logged(1)).text)).toMatchObject({ traceId: ID });
});

test("A traceparent that is invalid begins a trace of which both legs are part, without its tracestate.", async () => {
  const one = await startRig({}, TRUSTED);

  await ask(
    one.port,
    completion(PLAIN, KEY, PARENT.toUpperCase().replace("TRACEPARENT", "traceparent"), "tracestate: a=b"),
  );

  const [first, second] = seenBy([...one.prefill, ...one.decode], "traceparent").map(([value]) => value);
  expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
  expect(first).not.toContain(ID);
  expect(second).toBe(first);
  expect(seenBy(one.prefill, "tracestate")).toEqual([[]]);
});

test("Without OTLP and a trace of the client's engines are told of none, and the log tells of none.", async () => {
  const one = await startRig();

  await ask(one.port, completion(PLAIN));

  expect(seenBy([...one.prefill, ...one.decode], "traceparent")).toEqual([[], []]);
  expect((await one.logged(1)).text).not.toContain("traceId");
});

test("Spans of a request are one tree: the client's, its own, its legs', and those of engines within them.", async () => {
  const { url, spans, bodies } = await collector();
  const one = await startRig({}, { ...TRUSTED, ...exportingTo(url), servedModels: ["m"] });

  await ask(one.port, completion(STREAM, KEY, PARENT, "tracestate: a=b"));
  const entry = await one.logged(1);
  await one.drain();

  const all = spans();
  const [request, prefill, decode, transfer] = ["text_completion m", "prefill", "decode", "transfer"].map(
    (name) => spanNamed(all, name)[0],
  );
  expect(all).toHaveLength(4);
  expect(all.every(({ traceId }) => traceId === ID)).toBe(true);
  expect(request).toMatchObject({ parentSpanId: SPAN, traceState: "a=b", kind: 2, flags: 1 });
  expect([prefill?.parentSpanId, decode?.parentSpanId]).toEqual([request?.spanId, request?.spanId]);
  expect(transfer?.parentSpanId).toBe(decode?.spanId);
  expect(seenBy(one.prefill, "traceparent")).toEqual([[`00-${ID}-${prefill?.spanId}-01`]]);
  expect(seenBy(one.decode, "traceparent")).toEqual([[`00-${ID}-${decode?.spanId}-01`]]);
  expect(attribute(prefill as Span, "ascend_pd.instance")).toBe("prefill-0");
  expect(attribute(decode as Span, "ascend_pd.instance")).toBe("decode-0");
  expect(attribute(request as Span, "gen_ai.operation.name")).toBe("text_completion");
  expect(attribute(request as Span, "http.response.status_code")).toBe(200);
  expect(attribute(request as Span, "ascend_pd.request_id")).toBe(entry.id);
  expect(request?.status).toBeUndefined();
  for (const span of all)
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
  expect(bodies[0]).toMatchObject({
    path: "/v1/traces",
    headers: { "content-type": "application/json", "x-tenant": "t" },
  });
  expect(JSON.parse(bodies[0]?.text ?? "").resourceSpans[0].resource.attributes).toContainEqual({
    key: "service.name",
    value: { stringValue: "pd" },
  });
});

test("Nothing of a prompt, an answer or a key is in spans.", async () => {
  const { url, bodies } = await collector();
  const one = await startRig(
    { decode: [(call) => answerJson(call, '{"choices":[{"text":"the-answer"}]}')] },
    { ...TRUSTED, ...exportingTo(url) },
  );

  await ask(
    one.port,
    completion('{"model":"the-model","prompt":"the-prompt","user":"the-user"}', "Authorization: Bearer sk"),
  );
  await one.drain();

  const text = bodies.map((body) => body.text).join();
  expect(text).toContain("prefill-0");
  for (const word of ["the-answer", "the-prompt", "the-user", "the-model", "sk"])
    expect(text).not.toContain(`"${word}`);
});

test("A trace that nobody is in yet begins here, and each attempt of a leg is a span.", async () => {
  const { url, spans } = await collector();
  const bad = (call: Parameters<typeof goodPrefill>[0]) => {
    call.socket.destroy();
  };
  const one = await startRig({ prefill: [bad, goodPrefill] }, exportingTo(url));

  await ask(one.port, completion(PLAIN));
  await ask(one.port, completion(PLAIN));
  await one.drain();

  const requests = spanNamed(spans(), "text_completion");
  expect(requests.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined]);
  expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(2);
  const legs = spanNamed(spans(), "prefill").map((span) => attribute(span, "ascend_pd.instance"));
  expect(legs).toHaveLength(one.prefill.reduce((sum, { calls }) => sum + calls.length, 0));
  expect(new Set(legs)).toEqual(new Set(["prefill-0", "prefill-1"]));
  expect(new Set(seenBy(one.prefill, "traceparent").flat()).size).toBe(legs.length);
});

test("A request that fails has a span that says how.", async () => {
  const { url, spans } = await collector();
  const one = await startRig({ decode: [(call) => answerJson(call, "{}", "500 No")] }, exportingTo(url));

  await ask(one.port, completion(PLAIN));
  await one.drain();

  const [request] = spanNamed(spans(), "text_completion");
  expect(request?.status).toEqual({ code: 2, message: "decode_failed" });
  expect(attribute(request as Span, "error.type")).toBe("decode_failed");
});

test("Each of several answers has legs within the one request.", async () => {
  const { url, spans } = await collector();
  const one = await startRig({ decode: [goodDecode] }, exportingTo(url));

  await ask(one.port, completion('{"model":"m","prompt":["a","b"]}'));
  await one.drain();

  const [request] = spanNamed(spans(), "text_completion");
  const legs = [...spanNamed(spans(), "prefill"), ...spanNamed(spans(), "decode")];
  expect(legs).toHaveLength(4);
  expect(legs.every(({ parentSpanId }) => parentSpanId === request?.spanId)).toBe(true);
});

test("The time that a request waits for its turn is a span.", async () => {
  const { url, spans } = await collector();
  const held: Parameters<typeof goodPrefill>[0][] = [];
  const one = await startRig(
    { prefill: [(call) => void held.push(call)] },
    { ...exportingTo(url), runningRequests: { prefill: 1, decode: 1 } },
  );

  const first = ask(one.port, completion(PLAIN));
  await until(() => held.length === 1);
  const second = ask(one.port, completion(PLAIN));
  const scraped = async () => (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
  await until(async () => (await scraped()).includes("ascend_pd_requests_waiting 1"));
  for (const call of held.splice(0)) goodPrefill(call);
  await first;
  await until(() => held.length === 1);
  for (const call of held.splice(0)) goodPrefill(call);
  await second;
  await one.drain();

  const [queue, ...others] = spanNamed(spans(), "queue");
  expect(others).toEqual([]);
  const requests = spanNamed(spans(), "text_completion");
  expect(requests.map(({ spanId }) => spanId)).toContain(queue?.parentSpanId);
});

test("What the sampler leaves out goes on to engines as not sampled, and is not exported.", async () => {
  const { url, bodies } = await collector();
  const one = await startRig({}, { ...TRUSTED, ...exportingTo(url, "always_off") });

  await ask(one.port, completion(PLAIN, KEY, PARENT));
  await one.drain();

  expect(seenBy([...one.prefill, ...one.decode], "traceparent")).toEqual([
    [`00-${ID}-${SPAN}-00`],
    [`00-${ID}-${SPAN}-00`],
  ]);
  expect(bodies).toEqual([]);
});

test("A client that may not steer is in no trace of its own choice, and begins one.", async () => {
  const { url, spans } = await collector();
  const one = await startRig({}, exportingTo(url));

  await ask(one.port, completion(PLAIN, PARENT));
  await one.drain();

  expect(spans().length).toBeGreaterThan(0);
  expect(spans().some(({ traceId }) => traceId === ID)).toBe(false);
});

test.each<[what: string, status: number, body: string, exported: string, dropped: string]>([
  ["takes them", 200, "{}", "3", "0"],
  ["takes a part", 200, '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}', "1", "2"],
  ["refuses them", 400, '{"message":"no"}', "0", "3"],
])(
  "Spans are counted when the collector %s, and the log tells of a problem.",
  async (_what, status, body, exported, dropped) => {
    const { url, bodies } = await collector(() => [status, body]);
    const one = await startRig({}, exportingTo(url));

    await ask(one.port, completion(PLAIN));
    await until(() => bodies.length > 0);
    await until(async () => (await spanCounts(one)).join() !== "0,0");

    expect(await spanCounts(one)).toEqual([exported, dropped]);
    expect(one.events.some((event) => event.exporting === false)).toBe(dropped !== "0");
  },
);

test("While no collector answers requests are answered all the same, and spans beyond a bound are dropped and counted.", async () => {
  const one = await startRig({}, exportingTo("http://127.0.0.1:9/v1/traces"));
  const connection = await client(one.port);

  for (let at = 0; at < 700; at++) {
    connection.send(completion(PLAIN));
    expect((await connection.answer()).status).toBe(200);
  }
  await until(async () => Number((await spanCounts(one))[1]) > 0);

  expect((await ask(one.port, get("/livez"))).status).toBe(200);
  expect(await spanCounts(one)).toEqual(["0", expect.stringMatching(/^[1-9]/)]);
});

test("Several workers export their own requests, each once.", async () => {
  const { url, spans } = await collector();
  const one = await startRig({}, { ...exportingTo(url), workers: 2 });

  for (let at = 0; at < 8; at++) await ask(one.port, completion(PLAIN));
  await one.drain();

  expect(spanNamed(spans(), "text_completion")).toHaveLength(8);
});
