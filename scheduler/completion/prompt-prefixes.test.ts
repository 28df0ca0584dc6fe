import { expect, test } from "vitest";
import { HANDOFFS } from "../config/handoffs.ts";
import type { Prefixes } from "../instances/prefixes.ts";
import { type Call, readCall } from "./call.ts";
import { prefixesIn } from "./prompt-prefixes.ts";
import { askedBy, SOLE } from "./sequences.ts";

const LONG = "a prompt that goes on for a while, ".repeat(100);
const of = (body: object, sequence = SOLE) =>
  prefixesIn(readCall(Buffer.from(JSON.stringify(body)), []) as Call)(sequence);

/** How many prefixes two prompts share. */
function common(a: Prefixes, b: Prefixes): number {
  let at = 0;
  while (at < a.hashes.length && a.hashes[at] === b.hashes[at]) at++;
  return at >> 1;
}
const all = ({ hashes }: Prefixes) => hashes.length / 2;

const user = (content: string) => ({ role: "user", content });

test("The place of a key and what else is asked for change nothing.", () => {
  const one = of({ model: "m", messages: [user(LONG)], temperature: 0, stream: true });
  const two = of({ max_tokens: 7, messages: [user(LONG)], model: "m" });

  expect(common(one, two)).toBe(all(one));
  expect(all(one)).toBe(6);
});

test.each([
  ["model", { model: "other" }],
  ["salt", { cache_salt: "mine" }],
  ["tools", { tools: [{ type: "function" }] }],
  ["system", { system: "Be short." }],
])("Another %s is another prompt from its first byte on.", (_, change) => {
  const body = { model: "m", messages: [user(LONG)] };

  expect(common(of(body), of({ ...body, ...change }))).toBe(0);
});

test("Tools that many requests have come first, wherever they stand.", () => {
  const tools = [{ type: "function", function: { name: "f", description: LONG } }];

  const one = of({ messages: [user("hello")], tools });
  const two = of({ tools, messages: [user("something else")] });

  expect(common(one, two)).toBe(7);
});

test("What goes on with a conversation has all of it as its prefix.", () => {
  const before = of({ messages: [user(LONG)] });
  const after = of({ messages: [user(LONG), { role: "assistant", content: "yes" }, user(LONG)] });

  expect(common(before, after)).toBe(all(before));
});

test("Each of several prompts is its own.", () => {
  const body = { prompt: [LONG, `${LONG}!`] };
  const alone = of({ prompt: LONG });

  const own = of(body, { ...SOLE, edits: [{ key: "prompt", value: JSON.stringify(LONG) }] });

  expect(common(own, alone)).toBe(all(alone));
});

test("A prompt is read once for all its samples.", () => {
  const call = readCall(Buffer.from(JSON.stringify({ prompt: [LONG, `${LONG}!`], n: 3 })), []) as Call;
  const asked = askedBy(call, "prompts", HANDOFFS.NixlConnector);
  const read = prefixesIn(call);

  const all = asked === "decode-alone" ? [] : asked.map(read);

  expect([all.length, new Set(all).size]).toEqual([6, 2]);
});
