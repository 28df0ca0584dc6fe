import type { Case } from "./cases.ts";

/*
 * What comes back for a case, in a form in which two right answers are equal: without ids, times and fingerprints, and
 * a stream put together by sequence, since neither the order of sequences nor how many tokens a chunk has is promised.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: Json;
}

const ANSWER_LIMIT_MS = 120_000;
const VARY = [
  "created",
  "created_at",
  "system_fingerprint",
  // What decode has fetched it has not written.
  "cache_write_tokens",
];
const IDS = ["id", "item_id", "call_id"];
/** The scheduler takes it out; a plain instance says null. */
const INTERNAL = "kv_transfer_params";

export async function ask(url: string, asked: Case): Promise<Answer> {
  const response = await fetch(url + asked.path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: asked.raw ?? written(asked.body),
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  });
  const type = response.headers.get("content-type")?.split(";")[0] ?? null;
  const text = await response.text();
  return { status: response.status, type, body: readBody(type, text) };
}

function readBody(type: string | null, text: string): Json {
  if (type === "text/event-stream") return text.startsWith("event: ") ? named(text) : together(text);
  if (type !== "application/json") return text;
  return comparable(JSON.parse(text));
}

/** Numbers beyond 2^53 go out with all their digits. */
function written(body: Case["body"]): string {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(body, (_, value) => (typeof value === "bigint" ? rawJSON(String(value)) : value));
}

function comparable(value: Json): Json {
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !VARY.includes(key) && !(key === INTERNAL && inner === null))
      .map(([key, inner]) => [
        key,
        IDS.includes(key) && typeof inner === "string" ? withoutNumber(inner) : comparable(inner),
      ]),
  );
}

/** What is left of `cmpl-1a2b` is its kind. */
const withoutNumber = (id: string) =>
  id.replace(/^(chatcmpl-tool|chatcmpl|cmpl|call|resp|msg|fc|rs)[-_].+$/, "$1-…");

/** A stream of events with names: those of one name in a row that add to something are one. */
function named(text: string): Json {
  const wrong: string[] = [];
  const all: Fields[] = [];
  const events = text.split("\n\n");
  if (events.pop() !== "") wrong.push("does not end with an empty line");
  for (const [position, event] of events.entries()) {
    const [, name, data = "{}"] = /^event: ([^\n]*)\ndata: ([^\n]*)$/.exec(event) ?? [];
    const { sequence_number: number, ...one } = JSON.parse(data) as Fields;
    if (one.type !== name) wrong.push(`not an event with its name: ${event.slice(0, 100)}`);
    if (number !== undefined && number !== position) wrong.push(`event ${position} has the number ${number}`);
    const last = all.at(-1);
    if (last !== undefined && last.type === name && "delta" in one) join(last, one);
    else all.push(one);
  }
  return { wrong, events: all.map(comparable) };
}

function join(target: Fields, more: Fields): void {
  for (const key of ["delta", "logprobs"]) {
    const [before, after] = [target[key], more[key]];
    if (isObject(before) && isObject(after))
      for (const inner of ["text", "partial_json", "thinking"]) append(before, inner, after[inner]);
    else append(target, key, after);
  }
}

/** A stream by its sequences, with everything that would be wrong in how it came. */
function together(text: string): Json {
  const wrong: string[] = [];
  const events = text.split("\n\n");
  if (events.pop() !== "") wrong.push("does not end with an empty line");
  const data = events.map((event) => {
    if (!/^data: [^\n]*$/.test(event)) wrong.push(`not one data line: ${event.slice(0, 100)}`);
    return event.replace(/^data: /, "");
  });
  if (data.at(-1) === "[DONE]") data.pop();
  else wrong.push("does not end with [DONE]");

  const ids = new Set<string>();
  const times = new Set<number>();
  const shapes: Record<string, Record<string, true>> = {};
  const heads = new Set<string>();
  const sequences: Record<string, Fields> = {};
  const rest: Json[] = [];
  for (const [position, one] of data.entries()) {
    const chunk: Json = JSON.parse(one);
    if (!isObject(chunk) || !Array.isArray(chunk.choices)) {
      rest.push(comparable(chunk));
      continue;
    }
    const { choices, id, created, usage, ...others } = chunk;
    ids.add(String(id));
    times.add(Number(created));
    if (choices.length !== 1) {
      if (position !== data.length - 1) wrong.push("an event without one choice before the last");
      rest.push(comparable(chunk));
      continue;
    }
    const [choice] = choices;
    if (!isObject(choice)) throw new Error(`not a choice: ${one}`);
    heads.add(JSON.stringify(comparable(head(others))));
    const kind = kindOf(choice);
    shapes[kind] = { ...shapes[kind], ...flat(comparable(chunk)) };
    const sequence = sequences[String(choice.index)] ?? {};
    sequences[String(choice.index)] = sequence;
    if (sequence.finish_reason) wrong.push(`sequence ${choice.index} goes on behind its end`);
    if (usage !== undefined) sequence.usage = usage;
    for (const key of ["prompt_token_ids", "prompt_text"])
      if (key in others) append(sequence, key, others[key]);
    merge(sequence, choice);
  }
  if (ids.size > 1) wrong.push("more than one id");
  if (times.size > 1) wrong.push("more than one time");
  return {
    id: [...ids].map(withoutNumber).join(" "),
    wrong,
    heads: [...heads].sort(),
    shapes: Object.fromEntries(Object.entries(shapes).map(([kind, keys]) => [kind, sharedKeys(keys)])),
    sequences,
    rest,
  };
}

function kindOf({ delta }: Fields): "first" | "later" {
  return isObject(delta) && delta.role !== undefined ? "first" : "later";
}

/** Without the delta's: which of its keys share an event depends on how many tokens that has. */
function sharedKeys(keys: Record<string, true>): string[] {
  return Object.keys(keys)
    .filter((key) => !key.startsWith(".choices[].delta"))
    .sort();
}

/** What every event repeats. */
function head({ prompt_token_ids: _ids, prompt_text: _text, ...others }: Fields): Fields {
  return others;
}

function merge(sequence: Fields, choice: Fields): void {
  const { index: _, delta, logprobs, ...others } = choice;
  if (isObject(delta)) {
    const { role, tool_calls: calls, ...texts } = delta;
    // A list, so that a second role is seen.
    if (role !== undefined) sequence.roles = [...listOf(sequence.roles), role];
    for (const [key, value] of Object.entries(texts)) append(sequence, key, value);
    for (const call of listOf(calls)) if (isObject(call)) appendCall(sequence, call);
  }
  if (isObject(logprobs)) {
    const all = isObject(sequence.logprobs) ? sequence.logprobs : {};
    for (const [key, value] of Object.entries(logprobs)) append(all, key, value);
    sequence.logprobs = all;
  }
  for (const [key, value] of Object.entries(others)) append(sequence, key, value);
}

function append(target: Fields, key: string, value: Json | undefined): void {
  if (value === undefined || (value === null && key in target)) return;
  const before = target[key];
  if (typeof before === "string" && typeof value === "string") target[key] = before + value;
  else if (Array.isArray(before) && Array.isArray(value)) target[key] = [...before, ...value];
  else target[key] = value;
}

function appendCall(sequence: Fields, call: Fields): void {
  const { index, id, function: called, ...others } = call;
  const calls = isObject(sequence.tool_calls) ? sequence.tool_calls : {};
  const one = calls[String(index)];
  const whole = isObject(one) ? one : {};
  if (typeof id === "string") whole.id = withoutNumber(id);
  for (const [key, value] of Object.entries({ ...others, ...(isObject(called) ? called : {}) }))
    append(whole, key, value);
  calls[String(index)] = whole;
  sequence.tool_calls = calls;
}

/** Log probabilities may differ by what rounding in another order of sums makes of them. */
const TOLERANCE = 1e-3;

/** Where two values differ: `path: expected → actual`. */
export function differences(expected: Json, actual: Json, path = ""): string[] {
  if (typeof expected === "number" && typeof actual === "number") {
    const isClose = !Number.isInteger(expected) && Math.abs(expected - actual) < TOLERANCE;
    return expected === actual || isClose ? [] : [`${path}: ${expected} → ${actual}`];
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) return [`${path}: ${short(expected)} → ${short(actual)}`];
    return expected.flatMap((value, index) => differences(value, actual[index] ?? null, `${path}[${index}]`));
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    return keys.flatMap((key) => {
      const [before, after] = [expected[key], actual[key]];
      const inner = path === "" ? key : `${path}.${key}`;
      if (before === undefined) return [`${inner}: absent → ${short(after)}`];
      if (after === undefined) return [`${inner}: ${short(before)} → absent`];
      return differences(before, after, inner);
    });
  }
  return expected === actual ? [] : [`${path}: ${short(expected)} → ${short(actual)}`];
}

function flat(value: Json, path = ""): Record<string, true> {
  if (Array.isArray(value) || !isObject(value)) {
    const [first] = Array.isArray(value) ? value : [];
    return isObject(first) ? flat(first, `${path}[]`) : { [path]: true };
  }
  return Object.assign(
    {},
    ...Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // Its keys are tokens.
      .map(([key, inner]) =>
        key === "top_logprobs" ? { [`${path}.${key}`]: true } : flat(inner, `${path}.${key}`),
      ),
  );
}

const short = (value: Json | undefined) => {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 160 ? `${text.slice(0, 160)}… (${text.length})` : text;
};

const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

function isObject(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
