import { expect, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { ask, get, PLAIN, post, STREAM } from "../testing/client.ts";
import { answerJson, type EngineCall, goodDecode, goodPrefill, type Script } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const engineKey = "sk-engines";

/** Answers as vLLM does that was given the key: what has it, and what needs none. */
const keyed =
  (script: Script): Script =>
  (call) => {
    const shown = call.header("authorization");
    if (!call.path.startsWith("/v1") || (shown.length === 1 && shown[0] === `Bearer ${engineKey}`))
      script(call);
    else answerJson(call, '{"error":"Unauthorized"}', "401 Unauthorized");
  };

const engines = { prefill: [keyed(goodPrefill)], decode: [keyed(goodDecode)] };
const shownTo = (calls: readonly EngineCall[]) => calls.map((call) => call.header("authorization"));

test("Engines are shown their key on both legs, and no key of a client's reaches them.", async () => {
  const { port, prefill, decode } = await startRig(engines, { engineKey });

  const answers = [
    await ask(port, post(PLAIN)),
    await ask(port, post(STREAM, "/v1/chat/completions", "Authorization: Bearer sk-client")),
    await ask(port, get("/v1/models", "authorization: Basic c2tjbGllbnQ=")),
    await ask(port, post(PLAIN, "/v1/completions", "Authorization: Bearer a", "Authorization: Bearer b")),
  ];

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const shown = [prefill[0], decode[0]].flatMap((engine) => shownTo(engine?.calls ?? []));
  expect(shown).toEqual(shown.map(() => [`Bearer ${engineKey}`]));
  expect(shown).toHaveLength(7);
});

test("That engines refuse the scheduler's key is no fault of a client's: 502, and the log says why.", async () => {
  const { port, logged } = await startRig(engines, { engineKey: "sk-other" });

  const answer = await ask(port, post(PLAIN));

  const { outcome, detail, text } = await logged(1);
  expect([answer.status, answer.json().error.code]).toEqual([502, "prefill_failed"]);
  expect([outcome, detail]).toEqual([
    "prefill_failed",
    "prefill refuses VLLM_API_KEY, which the scheduler has",
  ]);
  expect(answer.body + text).not.toContain("sk-other");
});

test("Without a key of the scheduler's a client's own goes to the engines, whose refusal it is told.", async () => {
  const { port } = await startRig(engines);

  const right = await ask(port, post(PLAIN, "/v1/completions", `Authorization: Bearer ${engineKey}`));
  const wrong = await ask(port, post(PLAIN, "/v1/completions", "Authorization: Bearer sk-wrong"));

  expect([right.status, wrong.status, wrong.json().error.message]).toEqual([200, 401, "Unauthorized"]);
});

test.each(["a b", "sk\r\nX-Forged: 1", "schlüssel", "k".repeat(4097)])(
  "A key that no header can carry is refused without being shown: %j.",
  (key) => {
    const reading = readConfig([], { VLLM_API_KEY: key });

    const said = JSON.stringify(reading);
    expect(said).toContain("VLLM_API_KEY is no key that a header can carry");
    expect(said).not.toContain(JSON.stringify(key).slice(1, -1));
  },
);
