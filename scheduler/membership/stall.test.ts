import { expect, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  chunked,
  type EngineCall,
  EVENTS,
  goodDecode,
  goodPrefill,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";

const [FIRST = ""] = EVENTS;
const hang: Script = () => {};
const QUICK: Overrides = {
  servedModels: ["m"],
  health: { intervalMs: 20, timeoutMs: 100 },
  timeouts: { stallMs: 100 },
};
const isProbe = ({ body }: EngineCall) => body === '{"model":"m","prompt":"a","max_tokens":1}';

/** What was logged of an instance that stands still: whose, and whether it does. */
const stalls = ({ events }: Rig) =>
  events.filter(({ stalled }) => stalled !== undefined).map(({ instance, stalled }) => [instance, stalled]);

/** Resolves after so many health checks of that instance: several times longer than a stall is waited for. */
async function checks(one: Rig, role: "prefill" | "decode", count = 30): Promise<void> {
  const engine = one[role][0];
  if (engine === undefined) throw new Error("no engine");
  const { health } = engine;
  let seen = 0;
  engine.health = (call) => {
    seen++;
    health(call);
  };
  await until(() => seen >= count);
}

test.for([
  { role: "prefill", good: goodPrefill },
  { role: "decode", good: goodDecode },
] as const)(
  "Rule 21: a $role instance whose requests stand still is left out, health green or not, until it gives a token.",
  async ({ role, good }) => {
    const answers: Script = (call) => call.path !== "/metrics" && good(call);
    const one = await startRig({ [role]: [hang, answers] }, QUICK);
    const [stuck] = one[role];
    if (stuck === undefined) throw new Error("no engine");
    (await client(one.port)).send(post(PLAIN));

    await until(() => stalls(one).length === 1);
    const answered = await Promise.all([1, 2, 3].map(() => ask(one.port, post(PLAIN))));
    stuck.script = answers;
    await until(() => stalls(one).length === 2);

    expect(answered.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(stalls(one)).toEqual([
      [`${role}-0`, true],
      [`${role}-0`, false],
    ]);
    expect(stuck.calls.filter((call) => call.path === "/v1/completions" && !isProbe(call))).toHaveLength(1);
  },
);

test("Rule 21: a stream that stops moving makes its instance stand still, and moves it again.", async () => {
  const one = await startRig({ decode: [({ socket }) => socket.write(STREAM_HEAD + chunked(FIRST))] }, QUICK);
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await connection.received((text) => text.includes(FIRST));

  await until(() => stalls(one).length === 1);
  const refused = [await ask(one.port, post(PLAIN)), await ask(one.port, get("/readyz"))];
  one.decode[0]?.calls[0]?.socket.write(chunked(FIRST));
  await until(() => stalls(one).length === 2);

  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  expect(refused[0]?.json().error.code).toBe("no_decode");
  expect(refused[0]?.header("retry-after")).toBe("1");
  expect((await ask(one.port, get("/readyz"))).status).toBe(200);
});

test("An instance that moves one stream of many does not stand still.", async () => {
  const script: Script = ({ socket, body }) => {
    if (!body.includes("moves")) return;
    socket.write(STREAM_HEAD);
    const moving = setInterval(() => socket.write(chunked(FIRST)), 10);
    socket.on("close", () => clearInterval(moving));
  };
  const one = await startRig({ decode: [script] }, QUICK);
  const moving = await client(one.port);
  moving.send(post('{"stream":true,"moves":true}'));
  await moving.received((text) => text.includes(FIRST));
  for (const body of [STREAM, PLAIN]) (await client(one.port)).send(post(body));
  await one.decode[0]?.call(3);

  await checks(one, "decode");

  expect(stalls(one)).toEqual([]);
});

test("A prefill instance is given the time that its largest prompt needs, without being tried.", async () => {
  const one = await startRig({ prefill: [hang] }, QUICK);
  for (const size of [1_000_000, 10, 10]) {
    (await client(one.port)).send(post(JSON.stringify({ prompt: "x".repeat(size) })));
  }
  await one.prefill[0]?.call(3);

  await checks(one, "prefill");

  expect(stalls(one)).toEqual([]);
  expect(one.prefill[0]?.calls).toHaveLength(3);
});

test("A silent instance that gives a token when it is tried does not stand still.", async () => {
  const script: Script = (call) => isProbe(call) && goodDecode(call);
  const one = await startRig({ decode: [script] }, QUICK);
  (await client(one.port)).send(post(PLAIN));

  await until(() => (one.decode[0]?.calls.filter(isProbe).length ?? 0) > 3);

  expect(stalls(one)).toEqual([]);
});

/** Counters that move with each look when `moves`. */
function metrics(moves: boolean, left: number): Script {
  let tokens = 5;
  return (call) => {
    if (moves) tokens++;
    const text = `vllm:generation_tokens_total{model_name="m"} ${tokens}.0\nvllm:num_requests_running{} ${left}\n`;
    answerJson(call, text);
  };
}

test.for([
  { moves: true, stalled: false },
  { moves: false, stalled: true },
])("A full instance that cannot give a token is known by its metrics: they move: $moves.", async (one) => {
  const tell = metrics(one.moves, 1);
  const b = await startRig({ decode: [(call) => call.path === "/metrics" && tell(call)] }, QUICK);
  (await client(b.port)).send(post(PLAIN));
  const looks = () => b.decode[0]?.calls.filter(({ path }) => path === "/metrics").length ?? 0;

  await until(() => looks() > 4);

  expect(stalls(b)).toEqual(one.stalled ? [["decode-0", true]] : []);
});

test.for([
  { why: "the handoff is plain", overrides: { handoff: "plain" as const }, key: "" },
  { why: "it asks for a key", overrides: {}, key: "401 Unauthorized" },
])("Where $why an instance is not tried: it is back when none of its requests is left.", async (given) => {
  const { overrides, key } = given;
  const script: Script = (call) => isProbe(call) && answerJson(call, "{}", key);
  const one = await startRig({ decode: [script] }, { ...QUICK, ...overrides });
  const connection = await client(one.port);
  connection.send(post(PLAIN));
  await until(() => stalls(one).length === 1);
  await checks(one, "decode", 10);
  const before = stalls(one).length;

  connection.socket.destroy();
  await until(() => stalls(one).length === 2);

  expect(before).toBe(1);
  const probes = one.decode[0]?.calls.filter(isProbe).length ?? 0;
  expect(probes > 0).toBe(key !== "");
});

test("Where it is not tried, an idle engine's metrics excuse a client that does not read.", async () => {
  const tell = metrics(false, 0);
  const script: Script = (call) => call.path === "/metrics" && tell(call);
  const one = await startRig({ decode: [script] }, { ...QUICK, handoff: "plain" });
  (await client(one.port)).send(post(PLAIN));
  const looks = () => one.decode[0]?.calls.filter(({ path }) => path === "/metrics").length ?? 0;

  await until(() => looks() > 4);

  expect(stalls(one)).toEqual([]);
});

test("An engine is tried with the model that it tells of when the scheduler was told none.", async () => {
  const script: Script = (call) => {
    if (call.path === "/v1/models")
      answerJson(call, '{"object":"list","data":[{"id":"glm","x":[{"id":"y"}]}]}');
  };
  const one = await startRig({ prefill: [script] }, { ...QUICK, servedModels: [] });
  (await client(one.port)).send(post(PLAIN));

  await until(() => stalls(one).length === 1);

  const bodies = one.prefill[0]?.calls.map(({ body }) => body) ?? [];
  expect(bodies).toContain('{"model":"glm","prompt":"a","max_tokens":1}');
});

test("An instance that was started anew stands still no more.", async () => {
  const one = await startRig({ prefill: [hang] }, QUICK);
  (await client(one.port)).send(post(PLAIN));
  await until(() => stalls(one).length === 1);
  const [engine] = one.prefill;
  if (engine === undefined) throw new Error("no engine");
  const { health } = engine;

  engine.health = (call) => answerJson(call, "{}", "500 No");
  await until(() => stalls(one).length === 2);
  engine.script = goodPrefill;
  engine.health = health;
  await until(async () => (await ask(one.port, get("/readyz"))).status === 200);

  expect((await ask(one.port, post(PLAIN))).status).toBe(200);
});
