import { joined } from "../data/pieces.ts";
import { type Edit, editObject } from "../json/edit.ts";
import { type Member, OPEN_BRACKET, scanArray, scanIfObject, scanObject } from "../json/spans.ts";

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
const PROMPT_TOKENS = "prompt_tokens";
const COMPLETION_TOKENS = "completion_tokens";

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

/** `undefined` for `null`. */
function readUsage(bytes: Buffer): Usage | undefined {
  const members = scanIfObject(bytes, [PROMPT_TOKENS, COMPLETION_TOKENS]);
  const count = (wanted: string) => {
    const member = members?.find(({ key }) => key === wanted);
    return member === undefined ? 0 : Number(bytes.toString("latin1", member.valueStart, member.end)) || 0;
  };
  return members && { prompt: count(PROMPT_TOKENS), completion: count(COMPLETION_TOKENS) };
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
  const counts = {
    [PROMPT_TOKENS]: prompt,
    [COMPLETION_TOKENS]: completion,
    total_tokens: prompt + completion,
  };
  const edits = Object.entries(counts).map(([key, value]) => ({ key, value: String(value) }));
  return joined(editObject(own, scanObject(own, Object.keys(counts)), edits)).toString("latin1");
}
