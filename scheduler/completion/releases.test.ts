import { expect, test } from "vitest";
import { ask, client, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  type EngineCall,
  EVENTS,
  goodDecode,
  goodPrefill,
  KV_PARAMS,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Overrides, operator, type Rig, startRig } from "../testing/rig.ts";

const ADMIN: Overrides = { admin: [{ port: 0 }] };
const REJECTION = '{"error":{"message":"max_tokens must be at least 1, got -1."}}';

const isRelease = ({ body }: EngineCall) => body.includes('"max_tokens":-1');
/** Rejects what asks for less than no token; all else goes to `rest`. */
const rejects =
  (rest: Script): Script =>
  (call) =>
    isRelease(call) ? answerJson(call, REJECTION, "400 Bad Request") : rest(call);

const releasesAt = ({ decode }: Rig) => decode.flatMap(({ calls }) => calls.filter(isRelease));

/** Whether `prefill-0` keeps nothing, and how often which end had come to what it kept. */
async function account(one: Rig): Promise<unknown> {
  const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
  const count = (name: string) => {
    const line = text
      .split("\n")
      .find((start) => start.startsWith(`${name}{role="prefill",pd_instance="prefill-0"`));
    return Number(line?.split(" ").at(-1));
  };
  return {
    held: count("ascend_pd_instance_kv_held"),
    abandoned: count("ascend_pd_instance_kv_abandoned_total"),
    released: count("ascend_pd_instance_kv_released_total"),
    expired: count("ascend_pd_instance_kv_expired_total"),
  };
}

const METERED: Overrides = { ...ADMIN, metrics: { host: "127.0.0.1", port: 0 } };
const RELEASED = { held: 0, abandoned: 1, released: 1, expired: 0 };
const EXPIRED = { held: 0, abandoned: 1, released: 0, expired: 1 };

async function settled(one: Rig): Promise<unknown> {
  await until(async () => ((await account(one)) as typeof RELEASED).held === 0);
  return account(one);
}

test("Rule 38: KV cache that no decode instance could be asked for is released by a request that another one rejects.", async () => {
  const refused: Script = ({ socket }) => socket.destroy();
  const one = await startRig(
    { decode: [rejects(refused), rejects(refused)] },
    { ...METERED, servedModels: ["昇腾"] },
  );

  const answer = await ask(one.port, post('{"model":"昇腾","prompt":"hi","kv_transfer_params":{"mine":1}}'));
  const end = await settled(one);

  expect(answer.status).toBe(503);
  expect(end).toEqual(RELEASED);
  expect(releasesAt(one).map(({ path, body }) => [path, body])).toEqual([
    ["/v1/completions", `{"kv_transfer_params":${KV_PARAMS},"model":"昇腾","prompt":[1],"max_tokens":-1}`],
  ]);
});

test.for(["400 Bad Request", "500 Oops"])(
  "Rule 38: so is one that decode has answered with %s.",
  async (status) => {
    const one = await startRig(
      { decode: [rejects((call) => answerJson(call, '{"error":{"message":"no"}}', status))] },
      METERED,
    );

    await ask(one.port, post(STREAM, "/v1/chat/completions", "Authorization: Bearer k"));
    const end = await settled(one);

    expect(end).toEqual(RELEASED);
    expect(releasesAt(one).map((call) => [call.path, call.header("authorization")])).toEqual([
      ["/v1/completions", ["Bearer k"]],
    ]);
  },
);

test("Rule 38: so is one whose parameters cross with the client's leaving.", async () => {
  const held: EngineCall[] = [];
  const one = await startRig(
    { prefill: [(call) => held.push(call)], decode: [rejects(goodDecode)] },
    METERED,
  );
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await one.prefill[0]?.call(1);

  // An engine that has just written its answer when it sees the end of the connection.
  held[0]?.socket.on("end", () => held.forEach(goodPrefill));
  connection.socket.destroy();
  await one.logged(1);
  await until(() => releasesAt(one).length === 1);

  expect(await settled(one)).toEqual(RELEASED);
  expect(one.decode[0]?.calls.filter((call) => !isRelease(call))).toEqual([]);
});

test("Rule 38: decode that ends what a client has left frees the KV cache itself, and a drain does not wait for the lease.", async () => {
  const one = await startRig({ prefill: [goodPrefill, goodPrefill], decode: [rejects(() => {})] }, METERED);
  const connection = await client(one.port);
  connection.send(post(STREAM));
  const call = await one.decode[0]?.call(1);

  connection.socket.destroy();
  await call?.closed;
  const { answer } = await operator(one).drain("prefill-0");

  expect(answer).toMatchObject({ drained: true, kvHeld: 0 });
  expect(await account(one)).toEqual(RELEASED);
  expect(releasesAt(one)).toEqual([]);
});

test("Rule 38: while decode may still fetch it, KV cache that nobody waits for is not released.", async () => {
  const held: EngineCall[] = [];
  const one = await startRig(
    { decode: [rejects((call) => held.push(call)), rejects(goodDecode)] },
    { ...METERED, kvLeaseMs: 700 },
  );
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await until(() => held.length === 1);
  // As an engine that hangs: it leaves its side of the connection open.
  for (const { socket } of held) socket.allowHalfOpen = true;

  connection.socket.destroy();
  await one.logged(1);

  expect(await settled(one)).toEqual(EXPIRED);
  expect(releasesAt(one)).toEqual([]);
});

test("Rule 38: what decode has fetched is neither released nor counted as abandoned.", async () => {
  const [first = ""] = EVENTS;
  const one = await startRig(
    { decode: [rejects(({ socket }) => socket.end(`${STREAM_HEAD}${chunked(first)}`))] },
    METERED,
  );

  await ask(one.port, post(STREAM));

  expect(await settled(one)).toEqual({ held: 0, abandoned: 0, released: 0, expired: 0 });
  expect(releasesAt(one)).toEqual([]);
});

test.for<Overrides>([{ handoff: "MooncakeConnectorV1", kvRelease: "none" }, { kvRelease: "none" }])(
  "Rule 38: with %o nothing is sent, and the lease is waited for.",
  async (overrides) => {
    const one = await startRig(
      { decode: [rejects((call) => answerJson(call, "{}", "500 x"))] },
      { ...METERED, ...overrides, kvLeaseMs: 300 },
    );

    await ask(one.port, post(PLAIN));

    expect(await settled(one)).toEqual(EXPIRED);
    expect(releasesAt(one)).toEqual([]);
  },
);

test.for<{ how: string; script: Script; asked: number }>([
  { how: "is taken", script: (call) => answerEvents(call, DONE), asked: 2 },
  { how: "meets an unknown model", script: (call) => answerJson(call, "{}", "404 x"), asked: 2 },
  { how: "breaks", script: ({ socket }) => socket.destroy(), asked: 2 },
])(
  "A release that $how is tried twice, then said in the log and left to the lease.",
  async ({ script, asked }) => {
    const decode: Script = (call) => (isRelease(call) ? script(call) : answerJson(call, "{}", "500 x"));
    const one = await startRig({ decode: [decode, decode, decode] }, { ...METERED, kvLeaseMs: 300 });

    await ask(one.port, post(PLAIN));
    const end = await settled(one);

    expect(end).toEqual(EXPIRED);
    expect(releasesAt(one)).toHaveLength(asked);
    expect(one.events).toEqual([
      expect.objectContaining({ instance: "prefill-0", unreleased: expect.any(String) }),
    ]);
  },
);

test("Many KV caches are released a few at a time, and clients do not wait for that.", async () => {
  let open = 0;
  let most = 0;
  const held: EngineCall[] = [];
  const one = await startRig(
    {
      decode: [
        (call) => {
          if (!isRelease(call)) return answerJson(call, "{}", "500 x");
          most = Math.max(most, ++open);
          held.push(call);
        },
      ],
    },
    METERED,
  );

  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(one.port, post(PLAIN))));
  await until(() => held.length === 16);
  const going = setInterval(() => {
    for (const call of held.splice(0)) {
      open--;
      answerJson(call, REJECTION, "400 x");
    }
  }, 1);
  const end = await settled(one);
  clearInterval(going);

  expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(500));
  expect(most).toBe(16);
  expect(end).toEqual({ held: 0, abandoned: 100, released: 100, expired: 0 });
});
