import { expect, test } from "vitest";
import { members } from "./json.ts";
import { expectedText } from "./oracle.ts";
import { completionText, post, start, type TestSimulator } from "./testing/client.ts";

const FIELDS = { prompt: "one two three", max_tokens: 8 };
const RIGHT = expectedText(JSON.stringify(FIELDS), 8);

/** Both legs: what decode answers to the client. */
async function answered({ url }: TestSimulator, decode: TestSimulator): Promise<[number, string]> {
  const keep = { do_remote_decode: true, do_remote_prefill: false };
  const asked = { ...FIELDS, max_tokens: 1, kv_transfer_params: keep };
  const params = members(await (await post(`${url}/v1/completions`, asked)).text()).get("kv_transfer_params");
  const text = `${JSON.stringify(FIELDS).slice(0, -1)},"kv_transfer_params":${params}}`;
  const answer = await post(`${decode.url}/v1/completions`, text);
  return [answer.status, await completionText(answer)];
}

test("Silently wrong KV: decode answers 200 with wrong tokens to what one prefill instance has computed, and is right alone and with others.", async () => {
  const [bad, good] = [await start(), await start()];
  const decode = await start({ role: "decode", wrongKvFrom: [`127.0.0.1:${bad.port}`] });

  const [status, wrong] = await answered(bad, decode);

  expect(status).toBe(200);
  expect(wrong).not.toBe(RIGHT);
  expect(wrong.split(" ")).toHaveLength(8);
  expect(await answered(bad, decode)).toEqual([200, wrong]);
  expect(await answered(good, decode)).toEqual([200, RIGHT]);
  expect(await completionText(await post(`${decode.url}/v1/completions`, FIELDS))).toBe(RIGHT);
});

test("KV becomes wrong, and right again, while it runs.", async () => {
  const prefill = await start();
  const decode = await start({ role: "decode" });
  const become = (from: unknown) => post(`${decode.url}/simulator/faults`, { wrong_kv_from: from });

  const answers = [await answered(prefill, decode)];
  await become([`127.0.0.1:${prefill.port}`]);
  answers.push(await answered(prefill, decode));
  await become([]);
  answers.push(await answered(prefill, decode));

  expect(answers.map(([, text]) => text === RIGHT)).toEqual([true, false, true]);
  expect((await become("x")).status).toBe(400);
});

test("A cache salt keeps KV caches apart and changes no token.", async () => {
  const { url } = await start();

  const salted = await post(`${url}/v1/completions`, { ...FIELDS, cache_salt: "mine" });

  expect(await completionText(salted)).toBe(RIGHT);
});
