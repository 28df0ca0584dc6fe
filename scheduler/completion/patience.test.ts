import { expect, test } from "vitest";
import { ask, client, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  chunked,
  type EngineCall,
  EVENTS,
  PLAIN_ANSWER,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";

const [FIRST = ""] = EVENTS;
const LIMITS: Overrides = {
  servedModels: ["m"],
  health: { intervalMs: 50, timeoutMs: 1000 },
  timeouts: { firstTokenMs: 500, stallMs: 200, answerMs: 600_000, tokenGapMs: 600_000 },
};
const isProbe = ({ body }: EngineCall) => body === '{"model":"m","prompt":"a","max_tokens":1}';

/** An engine that makes the tokens of those who try it, and of clients' requests `moves` at each look at its metrics. */
function computing(moves: () => boolean, rest: Script = () => {}): Script {
  let tokens = 0;
  return (call) => {
    if (isProbe(call)) {
      tokens++;
      answerJson(call, PLAIN_ANSWER);
    } else if (call.path === "/metrics") {
      if (moves()) tokens++;
      answerJson(
        call,
        `vllm:generation_tokens_total{model_name="m"} ${tokens}.0\nvllm:num_requests_waiting 1\n`,
      );
    } else rest(call);
  };
}

/** Resolves when the decode instance has been tried for several times as long as a first token is waited for. */
async function longAfter({ decode: [engine] }: Rig): Promise<void> {
  const tries = () => engine?.calls.filter(isProbe).length ?? 0;
  const before = tries();
  await until(() => tries() > before + 8);
}

test("Rule 15: a plain request to an instance that works, but gets no KV cache, ends as a stream does.", async () => {
  const one = await startRig({ decode: [computing(() => false)] }, LIMITS);

  const answers = await Promise.all([PLAIN, STREAM].map((body) => ask(one.port, post(body))));
  await one.logged(2);

  expect(answers.map(({ status }) => status)).toEqual([504, 504]);
  expect(one.log.map(({ outcome }) => outcome)).toEqual(["decode_timeout", "decode_timeout"]);
  const requests =
    one.decode[0]?.calls.filter((call) => call.path === "/v1/completions" && !isProbe(call)) ?? [];
  await Promise.all(requests.map(({ closed }) => closed));
});

test("Rule 15: so does one to an instance that stands still, by its metrics too.", async () => {
  const frozen = computing(() => false);
  const one = await startRig({ decode: [(call) => !isProbe(call) && frozen(call)] }, LIMITS);

  const answer = await ask(one.port, post(PLAIN));

  expect([answer.status, answer.json().error.code]).toEqual([504, "decode_timeout"]);
});

test("Rule 15: so does one to an instance that answers nothing, and has no metrics.", async () => {
  const one = await startRig(
    { decode: [(call) => call.path === "/metrics" && answerJson(call, "", "404 x")] },
    LIMITS,
  );

  const answer = await ask(one.port, post(PLAIN));

  expect([answer.status, answer.json().error.code]).toEqual([504, "decode_timeout"]);
});

test("Rule 15: so does one to an instance that does not answer its health check any more.", async () => {
  const script: Script = (call) => {
    if (one.decode[0] !== undefined) one.decode[0].health = (check) => answerJson(check, "", "503 x");
    if (isProbe(call)) answerJson(call, PLAIN_ANSWER);
  };
  const one = await startRig({ decode: [script] }, LIMITS);

  const answer = await ask(one.port, post(PLAIN));

  expect([answer.status, answer.json().error.code]).toEqual([504, "decode_timeout"]);
});

test.for<{ why: string; script: (held: EngineCall[]) => Script }>([
  {
    why: "whose metrics say that tokens are made",
    script: (held) =>
      computing(
        () => true,
        (call) => held.push(call),
      ),
  },
  {
    why: "that gives a token when it is tried, and has no metrics",
    script: (held) => (call) => {
      if (isProbe(call)) answerJson(call, PLAIN_ANSWER);
      else if (call.path === "/metrics") answerJson(call, "", "404 x");
      else held.push(call);
    },
  },
])("Rule 15: a plain answer of an instance $why may take longer.", async ({ script }) => {
  const held: EngineCall[] = [];
  const one = await startRig({ decode: [script(held)] }, LIMITS);
  const connection = await client(one.port);

  connection.send(post(PLAIN));
  await one.decode[0]?.call(1);
  await longAfter(one);
  for (const call of held) answerJson(call, PLAIN_ANSWER);
  const answer = await connection.answer();

  expect([answer.status, answer.body]).toEqual([200, PLAIN_ANSWER]);
});

test("Rule 15: a plain answer of an instance that gives others tokens may take longer.", async () => {
  let events = 0;
  let held: EngineCall | undefined;
  const script = computing(
    () => false,
    (call) => {
      if (!call.body.includes("stream")) {
        held = call;
        return;
      }
      call.socket.write(STREAM_HEAD);
      const moving = setInterval(() => {
        events++;
        call.socket.write(chunked(FIRST));
      }, 50);
      call.socket.on("close", () => clearInterval(moving));
    },
  );
  const one = await startRig({ decode: [script] }, LIMITS);
  const [stream, plain] = [await client(one.port), await client(one.port)];

  stream.send(post(STREAM));
  plain.send(post(PLAIN));
  await until(() => events > 60);
  if (held !== undefined) answerJson(held, PLAIN_ANSWER);
  const answer = await plain.answer();

  expect([answer.status, answer.body]).toEqual([200, PLAIN_ANSWER]);
});
