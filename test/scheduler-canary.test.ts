import { join } from "node:path";
import { expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import {
  metric,
  operator,
  type Program,
  post,
  scheduler,
  simulator,
  temporaryFolder,
  until,
} from "./testing/pd-processes.ts";

/** All that this scheduler has by default, but for how soon. */
const SOON = "--canary-interval=0.5";
const CLIENTS = 4;

const address = ({ port }: Program) => `127.0.0.1:${port}`;

const breakKv = (decode: Program, from: readonly Program[]) =>
  post(`${decode.url}/simulator/faults`, JSON.stringify({ wrong_kv_from: from.map(address) }));

/** Answers to a prompt of its own each; whether the tokens are the right ones. */
async function ask(url: string, prompt: string): Promise<{ status: number; isRight: boolean }> {
  const body = JSON.stringify({ model: "sim", prompt, max_tokens: 8 });
  const answer = await post(`${url}/v1/completions`, body);
  const text = answer.status === 200 ? JSON.parse(await answer.text()).choices[0].text : "";
  return { status: answer.status, isRight: text === expectedText(body, 8) };
}

const askMany = (url: string, name: string) =>
  Promise.all(Array.from({ length: 16 }, (_, index) => ask(url, `${name} ${index}`)));

/** A scheduler with canaries, and its operator. */
async function guarded(prefill: readonly Program[], decode: readonly Program[], ...args: readonly string[]) {
  const socket = join(temporaryFolder(), "admin");
  const flags = [`--admin-socket=${socket}`, SOON, ...args];
  const started = await scheduler(prefill, decode, { args: flags });
  const administration = operator(socket);
  const stateOf = async (name: string) => {
    const { instances } = await administration("/state");
    return (instances as Record<string, unknown>[]).find((one) => one.name === name) ?? {};
  };
  return { ...started, stateOf };
}

test("KV that becomes wrong without a word takes that pair out of rotation, and no other, until it is right again.", async () => {
  const prefill = [await simulator("prefill"), await simulator("prefill")] as const;
  const decode = [await simulator("decode"), await simulator("decode")] as const;
  const started = await guarded(prefill, decode);
  const [bad] = prefill;
  const before = await askMany(started.url, "before");

  await breakKv(decode[0], [bad]);
  await until(async () => `${(await started.stateOf("decode-0")).quarantined}` === "prefill-0");
  const meanwhile = await askMany(started.url, "meanwhile");
  const [own, other] = [await started.stateOf("decode-0"), await started.stateOf("decode-1")];
  await breakKv(decode[0], []);
  await until(async () => `${(await started.stateOf("decode-0")).quarantined}` === "");
  const afterwards = await askMany(started.url, "afterwards");

  for (const answers of [before, meanwhile, afterwards])
    expect(answers).toEqual(answers.map(() => ({ status: 200, isRight: true })));
  expect(own).toMatchObject({ ready: true, unproven: false, quarantined: ["prefill-0"] });
  expect(other).toMatchObject({ ready: true, quarantined: [] });
  expect(started.output()).toContain(
    '"pair":["prefill-0","decode-0"],"quarantined":true,"why":"with KV cache',
  );
  expect(started.output()).toContain('"pair":["prefill-0","decode-0"],"quarantined":false');
});

test("A decode instance that computes, and gets right KV from nobody, is left out altogether; so is a lone pair.", async () => {
  const prefill = await simulator("prefill");
  const decode = [await simulator("decode"), await simulator("decode")] as const;
  const started = await guarded([prefill], decode);

  await breakKv(decode[0], [prefill]);
  await until(async () => (await started.stateOf("decode-0")).unproven === true);
  const answers = await askMany(started.url, "one is left");
  await breakKv(decode[1], [prefill]);
  await until(async () => (await fetch(`${started.url}/readyz`)).status === 503);
  const refused = await ask(started.url, "none is left");

  expect(answers).toEqual(answers.map(() => ({ status: 200, isRight: true })));
  expect(refused.status).toBe(503);
  expect(started.output()).toContain('"instance":"decode-0","unproven":true');
});

test("A pair that is wrong from the start serves not one request.", async () => {
  const prefill = [await simulator("prefill"), await simulator("prefill")] as const;
  const decode = await simulator("decode", [`--wrong-kv-from=${address(prefill[0])}`]);
  const one = await simulator("decode");
  const started = await guarded(prefill, [decode, one]);

  const answers = await askMany(started.url, "first");

  expect(answers).toEqual(answers.map(() => ({ status: 200, isRight: true })));
});

test("Several workers obey the verdicts of one, and canaries are no client's requests.", async () => {
  const prefill = [await simulator("prefill"), await simulator("prefill")] as const;
  const decode = await simulator("decode");
  const other = await simulator("decode");
  const started = await guarded(prefill, [decode, other], "--workers=3", "--metrics-port=0");
  const port = /^metrics on .*:(\d+)$/m.exec(started.output())?.[1];
  const metrics = { url: `http://127.0.0.1:${port}` };

  await breakKv(decode, prefill);
  await until(async () => (await started.stateOf("decode-0")).unproven === true);
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, (_, client) => askMany(started.url, `client ${client}`)),
  );

  expect(answers.flat()).toEqual(answers.flat().map(() => ({ status: 200, isRight: true })));
  const count = answers.flat().length;
  expect(await metric(metrics, "ascend_pd_requests_total", 'path="/v1/completions"')).toBe(count);
  expect(await metric(metrics, "ascend_pd_instance_served_total", 'role="decode"')).toBe(count);
  expect(await metric(metrics, "ascend_pd_instance_canaries_total", 'outcome="failed"')).toBeGreaterThan(0);
  expect(await metric(metrics, "ascend_pd_instance_quarantined_pairs", 'pd_instance="decode-0"')).toBe(2);
});

test("After a transfer that failed a pair serves only after a canary.", async () => {
  const prefill = await simulator("prefill");
  const decode = await simulator("decode");
  // None is due by schedule while this lasts.
  const started = await guarded([prefill], [decode], "--canary-interval=3600", "--metrics-port=0");
  const port = /^metrics on .*:(\d+)$/m.exec(started.output())?.[1];
  const sung = () =>
    metric({ url: `http://127.0.0.1:${port}` }, "ascend_pd_instance_canaries_total", "decode-0");
  expect(await sung()).toBe(1);

  await breakKv(decode, [prefill]);
  const wrong = await ask(started.url, "nobody has noticed");
  await post(`${prefill.url}/simulator/faults`, JSON.stringify({ loses_kv: true }));
  const failed = await ask(started.url, "this one fails");
  await until(async () => `${(await started.stateOf("decode-0")).quarantined}` === "prefill-0");
  const refused = await ask(started.url, "so this one is refused");

  expect([wrong.status, wrong.isRight]).toEqual([200, false]);
  expect([failed.status, refused.status]).toEqual([500, 503]);
});
