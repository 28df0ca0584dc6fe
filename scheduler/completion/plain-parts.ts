import { joined } from "../data/pieces.ts";
import { type Edit, editObject } from "../json/edit.ts";
import { type Member, OPEN_BRACE, QUOTE, scanIfObject } from "../json/spans.ts";
import { commonOf, type Part, readPart, remade, type Usage } from "./choices.ts";
import type { History } from "./history.ts";

/** A plain answer of text alone, of which several can be made one. */
export interface PlainPart {
  readonly part: Part;
  /** As it is written, without its quotes. */
  readonly text: string;
  readonly usage: Usage | undefined;
}

const TEXT = "text";
const MESSAGE = "message";
const CONTENT = "content";
/** What a message may have beside its text, as long as it is empty. */
const FURTHER = ["reasoning", "reasoning_content", "tool_calls", "function_call", "refusal", "audio"];
const EMPTY = ["null", "[]", '""'];

/** `undefined` for an answer with something that cannot be put together from pieces. */
export function readPlain(bytes: Buffer): PlainPart | undefined {
  const part = readPart(bytes, 0);
  const [choice] = part?.choices ?? [];
  if (part === undefined || choice === undefined || part.choices.length !== 1) return undefined;
  const text = textIn(Buffer.from(choice, "latin1"));
  return text === undefined ? undefined : { part, text, usage: part.usage };
}

function textIn(choice: Buffer): string | undefined {
  const members = scanIfObject(choice, [TEXT, MESSAGE, "logprobs"]) ?? [];
  if (!isEmpty(choice, members, ["logprobs"])) return undefined;
  const text = members.find(({ key }) => key === TEXT);
  if (text !== undefined) return stringAt(choice, text);
  const message = messageIn(choice, members);
  if (message === undefined) return undefined;
  const inside = scanIfObject(message, [CONTENT, ...FURTHER]) ?? [];
  if (!isEmpty(message, inside, FURTHER)) return undefined;
  const content = inside.find(({ key }) => key === CONTENT);
  return content && stringAt(message, content);
}

function messageIn(choice: Buffer, members: readonly Member[]): Buffer | undefined {
  const message = members.find(({ key }) => key === MESSAGE);
  if (message === undefined || choice[message.valueStart] !== OPEN_BRACE) return undefined;
  return choice.subarray(message.valueStart, message.end);
}

function isEmpty(bytes: Buffer, members: readonly Member[], keys: readonly string[]): boolean {
  return members.every(
    ({ key, valueStart, end }) =>
      key === undefined || !keys.includes(key) || EMPTY.includes(bytes.toString("latin1", valueStart, end)),
  );
}

/** `null` is a text without characters. */
function stringAt(bytes: Buffer, { valueStart, end }: Member): string | undefined {
  if (bytes[valueStart] === QUOTE) return bytes.toString("latin1", valueStart + 1, end - 1);
  return bytes.toString("latin1", valueStart, end) === "null" ? "" : undefined;
}

/**
 * One answer with the text of all `parts`, and the usage and, for a client that wants them, the ids of the whole. `before`:
 * tokens that are not the last part's own.
 */
export function joinAnswers(
  parts: readonly PlainPart[],
  before: number,
  history: History | undefined,
): Buffer {
  const [first] = parts;
  const last = parts.at(-1);
  const [choice] = last?.part.choices ?? [];
  if (first === undefined || last === undefined || choice === undefined)
    throw new Error("no answers to join");
  const text = `"${parts.map((part) => part.text).join("")}"`;
  const { usage } = last;
  const all = usage && { prompt: usage.prompt - before, completion: usage.completion + before };
  const answer = remade(
    last.part,
    [withText(Buffer.from(choice, "latin1"), text)],
    all,
    commonOf(first.part),
  );
  return history === undefined ? answer : withIds(answer, history);
}

function withText(choice: Buffer, text: string): string {
  const members = scanIfObject(choice, [TEXT, MESSAGE]) ?? [];
  const message = messageIn(choice, members);
  const edit: Edit =
    message === undefined ? { key: TEXT, value: text } : { key: MESSAGE, value: withContent(message, text) };
  return joined(editObject(choice, members, [edit])).toString("latin1");
}

function withContent(message: Buffer, value: string): string {
  const members = scanIfObject(message, [CONTENT]) ?? [];
  return joined(editObject(message, members, [{ key: CONTENT, value }])).toString("latin1");
}

/** Where they would be `null` for others. */
function withIds(answer: Buffer, { prompt, made }: History): Buffer {
  const text = answer.toString("latin1");
  return Buffer.from(
    text
      .replace(/(?<!\\)"token_ids":null/, `"token_ids":[${made}]`)
      .replace(/(?<!\\)"prompt_token_ids":null/, `"prompt_token_ids":[${prompt}]`),
    "latin1",
  );
}
