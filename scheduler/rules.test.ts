import { expect, test } from "vitest";
import { ask, bench, DONE, EVENTS, KV_PARAMS, PLAIN, PLAIN_ANSWER, post, STREAM } from "./test-support.ts";

test("a plain completion goes to prefill, then to decode, and comes back", async () => {
  const { port, prefill, decode } = await bench();

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(200);
  expect(answer.body).toBe(PLAIN_ANSWER);
  expect(prefill[0]?.calls).toHaveLength(1);
  expect(decode[0]?.calls[0]?.body).toContain(`"kv_transfer_params":${KV_PARAMS}`);
});

test("a streamed completion is relayed byte for byte", async () => {
  const { port } = await bench();

  const answer = await ask(port, post(STREAM));

  expect(answer.status).toBe(200);
  expect(answer.body).toBe([...EVENTS, DONE].join(""));
  expect(answer.whole).toBe(true);
});
