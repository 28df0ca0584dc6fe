import { expect, test } from "vitest";
import { ask, PLAIN, post, until } from "../testing/client.ts";
import { answerJson, goodPrefill, type Script } from "../testing/engine.ts";
import { operator, type Rig, startRig } from "../testing/rig.ts";

const GUARDED = { admin: [{ port: 0 }], servedModels: ["m"], canaryMs: 200 };

const isCanary = (body: string) => body.includes("cache_salt");

/** Decode that gives `withKv()` for what prefill has computed, and the right tokens alone. */
const decodeGiving =
  (withKv: () => string): Script =>
  (call) => {
    const text = call.body.includes("kv_transfer_params") ? withKv() : "right tokens";
    answerJson(call, JSON.stringify({ choices: [{ text }] }));
  };

const stateOf = (one: Rig, name: string) => operator(one).stateOf(name);

test("A pair serves after its canary, and from time to time it has another.", async () => {
  const one = await startRig({ decode: [decodeGiving(() => "right tokens")] }, GUARDED);

  await until(async () => (await stateOf(one, "decode-0"))?.ready === true);

  const before = one.prefill[0]?.calls.filter(({ body }) => isCanary(body)).length ?? 0;
  expect(before).toBeGreaterThan(0);
  expect((await ask(one.port, post(PLAIN))).status).toBe(200);
  await until(() => (one.prefill[0]?.calls.filter(({ body }) => isCanary(body)).length ?? 0) > before);
});

test("A pair whose tokens become wrong gets nothing, until they are right again.", async () => {
  let text = "right tokens";
  const one = await startRig({ decode: [decodeGiving(() => text)] }, GUARDED);
  await until(async () => (await stateOf(one, "decode-0"))?.ready === true);

  text = "wrong tokens";
  await until(async () => `${(await stateOf(one, "decode-0"))?.quarantined}` === "prefill-0");
  const barred = await ask(one.port, post(PLAIN));
  text = "right tokens";
  await until(async () => (await stateOf(one, "decode-0"))?.ready === true);

  expect(barred.status).toBe(503);
  expect((await ask(one.port, post(PLAIN))).status).toBe(200);
});

test("Engines that want a client's key, or have no /v1/models, serve without canaries, and the log says why.", async () => {
  const refusing: Script = (call) =>
    answerJson(call, '{"error":{"message":"no key"}}', isCanary(call.body) ? "401 Unauthorized" : "200 OK");
  const locked = await startRig({ prefill: [goodPrefill], decode: [refusing] }, GUARDED);
  const nameless = await startRig(
    {
      decode: [
        (call) =>
          call.path === "/v1/models"
            ? answerJson(call, '{"detail":"Not Found"}', "404 Not Found")
            : decodeGiving(() => "right tokens")(call),
      ],
    },
    { ...GUARDED, servedModels: [] },
  );

  for (const one of [locked, nameless]) {
    await until(async () => (await stateOf(one, "decode-0"))?.ready === true);
    expect(one.events.find(({ canary }) => canary !== undefined)?.canary).toMatch(/^none can be sung/);
  }
});

test("Of two prefill instances the one that hands over wrong KV cache is left out alone.", async () => {
  const from =
    (name: string): Script =>
    (call) =>
      answerJson(call, `{"id":"p","kv_transfer_params":{"remote_host":"${name}"}}`);
  const decode: Script = (call) =>
    decodeGiving(() => (call.body.includes("bad") ? "wrong" : "right tokens"))(call);
  const one = await startRig({ prefill: [from("good"), from("bad")], decode: [decode] }, GUARDED);

  await until(async () => `${(await stateOf(one, "decode-0"))?.quarantined}` === "prefill-1");
  await until(async () => (await stateOf(one, "decode-0"))?.ready === true);
  const statuses: number[] = [];
  for (let times = 0; times < 4; times++) statuses.push((await ask(one.port, post(PLAIN))).status);

  expect(statuses).toEqual([200, 200, 200, 200]);
  expect(await stateOf(one, "prefill-1")).toMatchObject({ unproven: true, ready: false });
  expect(one.prefill[1]?.calls.every(({ body }) => isCanary(body))).toBe(true);
});
