import { expect, test } from "vitest";
import { ask, PLAIN, post } from "../testing/client.ts";
import { answerJson, type EngineCall, goodPrefill, type Script } from "../testing/engine.ts";
import { ENGINE_CASES } from "../testing/engine-cases.ts";
import { type Overrides, startRig } from "../testing/rig.ts";

/** A decode instance that answers so the first time, and well afterwards. */
function decodeThatAnswers(first: (call: EngineCall) => void): Script {
  let calls = 0;
  return (call) => (calls++ === 0 ? first(call) : answerJson(call, "{}"));
}

// Health checks use the same connections: one between two requests would take the one that the second is to use.
const noOthers: Overrides = { health: { intervalMs: 600_000, timeoutMs: 1000 }, kvRelease: "none" };

test.for(ENGINE_CASES)("The engine's answer $id ($clause) becomes a $status.", async (one) => {
  const answers = decodeThatAnswers((call) => {
    call.socket.write(Buffer.from(one.bytes, "latin1"));
    if (one.closes) call.socket.end();
  });
  const { port, decode, logged } = await startRig({ decode: [answers] }, noOthers);

  const answer = await ask(port, post(PLAIN));
  const next = await ask(port, post(PLAIN));

  expect(answer.status).toBe(one.status);
  expect(answer.header("content-type")).toBe("application/json");
  expect(answer.whole).toBe(true);
  if (one.status === 200) expect(answer.body).toBe('{"a":1}');
  else expect(answer.json().error.message).toEqual(expect.any(String));
  expect(next.status).toBe(200);
  const [first, second] = decode[0]?.calls ?? [];
  expect(first?.socket === second?.socket).toBe(one.reused);
  expect((await logged(1)).status).toBe(one.status);
});

test.for(ENGINE_CASES.filter(({ bytes }) => bytes.length < 600))(
  "The engine's answer $id becomes the same byte by byte.",
  async (one) => {
    const { port } = await startRig({
      decode: [
        decodeThatAnswers(async ({ socket }) => {
          for (const byte of Buffer.from(one.bytes, "latin1")) {
            socket.write(Buffer.from([byte]));
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (one.closes) socket.end();
        }),
      ],
    });

    const answer = await ask(port, post(PLAIN));

    expect(answer.status).toBe(one.status);
  },
);

test("Bytes on a kept connection that nobody asked for end it.", async () => {
  const { port, prefill } = await startRig({
    prefill: [
      (call) => {
        goodPrefill(call);
        setImmediate(() => call.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
      },
    ],
  });

  await ask(port, post(PLAIN));
  await prefill[0]?.calls[0]?.closed;
  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(200);
  expect(prefill[0]?.calls).toHaveLength(2);
});
