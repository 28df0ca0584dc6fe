import { joined } from "../data/pieces.ts";
import { type Edit, editObject } from "../json/edit.ts";
import { type Member, scanArray, scanIfObject, scanObject } from "../json/spans.ts";

/** An answer of an engine, or a chunk of its stream, as far as it takes to make several into one. */
export interface Part {
  readonly bytes: Buffer;
  readonly members: readonly Member[];
  /** Each as it is written, in latin1, with the index that it has among all. */
  readonly choices: readonly string[];
  readonly usage: Usage | undefined;
}

/** Tokens. */
export interface Usage {
  readonly prompt: number;
  readonly completion: number;
}

const ID = "id";
const CREATED = "created";
const CHOICES = "choices";
const USAGE = "usage";
const INDEX = "index";
const MAX_USAGE_BYTES = 16 * 1024;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** `undefined` for what is no answer of the OpenAI API. `firstChoice` is added to the index of each choice. */
export function readPart(bytes: Buffer, firstChoice: number): Part | undefined {
  const members = scanIfObject(bytes, [ID, CREATED, CHOICES, USAGE]);
  const list = members?.find(({ key }) => key === CHOICES);
  if (members === undefined || list === undefined || bytes[list.valueStart] !== OPEN_BRACKET)
    return undefined;
  const choices: string[] = [];
  for (const { start, end } of scanArray(bytes, list.valueStart, Number.POSITIVE_INFINITY)) {
    const choice = bytes.subarray(start, end);
    const inside = scanIfObject(choice, [INDEX]);
    if (inside === undefined) return undefined;
    const own = inside.find(({ key }) => key === INDEX);
    const index =
      firstChoice +
      (own === undefined ? choices.length : Number(choice.toString("latin1", own.valueStart, own.end)));
    choices.push(
      joined(editObject(choice, inside, [{ key: INDEX, value: String(index) }])).toString("latin1"),
    );
  }
  const usage = members.find(({ key }) => key === USAGE);
  return { bytes, members, choices, usage: usage && readUsage(bytes.subarray(usage.valueStart, usage.end)) };
}

function readUsage(bytes: Buffer): Usage | undefined {
  if (bytes[0] !== OPEN_BRACE || bytes.length > MAX_USAGE_BYTES) return undefined;
  const { prompt_tokens, completion_tokens } = JSON.parse(bytes.toString());
  return { prompt: Number(prompt_tokens ?? 0), completion: Number(completion_tokens ?? 0) };
}

/** All of them together. A prompt counts once, however many samples there are of it. */
export function sumOf(usages: readonly { readonly usage: Usage; readonly samePrompt: boolean }[]): Usage {
  let prompt = 0;
  let completion = 0;
  for (const { usage, samePrompt } of usages) {
    if (!samePrompt) prompt += usage.prompt;
    completion += usage.completion;
  }
  return { prompt, completion };
}

/** What all chunks of one stream have in common, as it is written. */
export type Common = readonly Edit[];

export function commonOf({ bytes, members }: Part): Common {
  return members.flatMap(({ key, valueStart, end }) =>
    key === ID || key === CREATED ? [{ key, value: bytes.toString("latin1", valueStart, end) }] : [],
  );
}

/** `part` with `choices` and `usage`, if it has one, in place of its own. */
export function remade(
  part: Part,
  choices: readonly string[],
  usage: Usage | undefined,
  common: Common = [],
): Buffer {
  const edits: Edit[] = [...common, { key: CHOICES, value: `[${choices.join(",")}]` }];
  const member = part.members.find(({ key }) => key === USAGE);
  if (member !== undefined && part.usage !== undefined && usage !== undefined) {
    edits.push({ key: USAGE, value: withCounts(part.bytes.subarray(member.valueStart, member.end), usage) });
  }
  return joined(editObject(part.bytes, part.members, edits));
}

function withCounts(own: Buffer, { prompt, completion }: Usage): string {
  const counts = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  const edits = Object.entries(counts).map(([key, value]) => ({ key, value: String(value) }));
  return joined(editObject(own, scanObject(own, Object.keys(counts)), edits)).toString("latin1");
}
