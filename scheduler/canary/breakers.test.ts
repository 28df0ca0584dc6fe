import { expect, test } from "vitest";
import { ask, PLAIN, post } from "../testing/client.ts";
import { answerJson, goodDecode, goodPrefill, type Script } from "../testing/engine.ts";
import { operator, type Rig, startRig } from "../testing/rig.ts";

const ADMIN = { admin: [{ port: 0 }], servedModels: ["m"] };

/** Whether a request is the breaker's own. */
const isCanary = (body: string) => body.includes("cache_salt");

async function askMany(one: Rig, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < count; at++) statuses.push((await ask(one.port, post(PLAIN))).status);
  return statuses;
}

async function until(one: Rig, name: string, what: object): Promise<void> {
  for (;;) {
    const state = await operator(one).stateOf(name);
    if (Object.entries(what).every(([key, value]) => state?.[key] === value)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("An instance that fails its requests gets none before it has answered a canary, while another one does its work.", async () => {
  let works = false;
  const sick: Script = (call) =>
    works ? goodDecode(call) : answerJson(call, '{"error":{"message":"no"}}', "500 No");
  const one = await startRig({ decode: [sick, goodDecode] }, ADMIN);

  await askMany(one, 12);
  await until(one, "decode-0", { broken: true, ready: false });
  const meanwhile = await askMany(one, 4);
  const tries = one.decode[0]?.calls.filter(({ body }) => isCanary(body)) ?? [];
  works = true;
  await until(one, "decode-0", { broken: false, ready: true });

  expect(meanwhile).toEqual([200, 200, 200, 200]);
  expect(
    one.events.filter(({ broken }) => broken !== undefined).map(({ instance, broken }) => [instance, broken]),
  ).toEqual([
    ["decode-0", true],
    ["decode-0", false],
  ]);
  expect(tries.every(({ path }) => path === "/v1/completions")).toBe(true);
});

test("No more than half of a role is taken out: what most fail may be the requests' fault.", async () => {
  const sick: Script = (call) => answerJson(call, '{"error":{"message":"no"}}', "500 No");
  const one = await startRig({ decode: [sick, sick, sick, goodDecode] }, ADMIN);

  for (let round = 0; round < 4; round++) {
    await askMany(one, 24);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  const { instances } = await operator(one).state();
  expect(instances.filter(({ broken }) => broken)).toHaveLength(2);
});

test("An instance that was taken out is back when no other of its role is left.", async () => {
  const sick: Script = (call) => answerJson(call, '{"error":{"message":"no"}}', "500 No");
  const one = await startRig({ decode: [sick, goodDecode] }, ADMIN);
  await askMany(one, 12);
  await until(one, "decode-0", { broken: true, ready: false });

  const [, other] = one.decode;
  if (other !== undefined) other.health = (call) => answerJson(call, "{}", "503 Dead");

  await until(one, "decode-0", { broken: false, ready: true });
});

test("An instance that refuses a canary is back after its time: engines may want a key that only clients have.", async () => {
  const sick: Script = (call) =>
    isCanary(call.body)
      ? answerJson(call, '{"error":{"message":"no key"}}', "401 Unauthorized")
      : answerJson(call, '{"error":{"message":"no"}}', "500 No");
  const one = await startRig({ decode: [sick, goodDecode] }, ADMIN);

  await askMany(one, 12);
  await until(one, "decode-0", { broken: true, ready: false });

  await until(one, "decode-0", { broken: false, ready: true });
});

test.for(["400 Bad Request", "429 Too Many Requests"])(
  "What an engine answers %s to never takes it out.",
  async (status) => {
    const refusing: Script = (call) => answerJson(call, '{"error":{"message":"no"}}', status);
    const one = await startRig({ prefill: [goodPrefill], decode: [refusing, goodDecode] }, ADMIN);

    await askMany(one, 24);
    // Longer than the breaker takes between two looks.
    await new Promise((resolve) => setTimeout(resolve, 600));

    expect(await operator(one).stateOf("decode-0")).toMatchObject({
      broken: false,
      ready: true,
      failures: 0,
    });
  },
);

test("The last instance of a role keeps its requests, however many of them it fails.", async () => {
  const sick: Script = (call) => answerJson(call, '{"error":{"message":"no"}}', "500 No");
  const one = await startRig({ decode: [sick] }, ADMIN);

  const statuses = await askMany(one, 12);
  await new Promise((resolve) => setTimeout(resolve, 600));

  expect(new Set(statuses)).toEqual(new Set([500]));
  expect(await operator(one).stateOf("decode-0")).toMatchObject({ broken: false, ready: true });
});
