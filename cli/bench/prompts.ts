import { mixed, randomOf } from "./random.ts";

/** Each begins a prompt in a way of its own, so that no cache of prefixes has seen it: sixteen digits in Chinese. */
const DIGITS = "春夏秋冬山水风云日月星天地人火木";
const FEWEST_DIGITS = 8;

/** What people send: Chinese, line feeds, quotes and characters that JSON escapes. */
const SENTENCES = [
  "预填充和解码分别在不同的实例上运行，键值缓存经由网络传给解码实例。\n",
  "请用三句话概括上文，并列出其中提到的所有数字。\n",
  "大模型推理的首字延迟取决于提示词的长度与排队的请求数。\n",
  'She asked: "How many tokens are in this sentence, and who counts them?"\n',
  "The quick brown fox jumps over the lazy dog while the scheduler looks on.\n",
  "Summarise the report below, keep every figure, and answer in plain words.\n",
  'const answer = { status: 200, path: "C:\\\\models", ready: true };\n',
  "- first point\n- second point\n\tindented, with a tab\n\n",
];

const FILLER = " a";

/** How many tokens the parts of a prompt are. */
export interface Costs {
  readonly digit: number;
  readonly sentences: readonly number[];
  readonly filler: number;
}

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number | Promise<number>;

export async function costsBy(count: CountTokens): Promise<Costs> {
  const sentences: number[] = [];
  // Often enough in a row that what stands at their edges counts too.
  for (const sentence of SENTENCES) sentences.push((await count(sentence.repeat(4))) / 4);
  return {
    digit: (await count(DIGITS)) / DIGITS.length,
    sentences,
    filler: (await count(FILLER.repeat(32))) / 32,
  };
}

/** Where nobody counts: a Chinese character a token, four of other characters one. */
export function estimatedTokens(text: string): number {
  const chinese = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  return chinese + (text.length - chinese) / 4;
}

/** The prompt at a place of a run, of about so many tokens, and the same for the same seed and place. */
export function syntheticPrompt(seed: number, place: number, tokens: number, costs: Costs): string {
  const random = randomOf(seed, place);
  let left = tokens;
  let text = "";
  const add = (part: string, cost: number) => {
    text += part;
    left -= cost;
  };
  // Each place has digits that no other of its seed has.
  const number = mixed(place) ^ mixed(seed ^ 0x5bd1e995);
  for (let index = 0; index < FEWEST_DIGITS && left >= costs.digit; index++) {
    add(DIGITS[(number >>> (4 * index)) & 15] ?? "", costs.digit);
  }
  const cheapest = Math.min(...costs.sentences);
  while (left >= cheapest && cheapest > 0) {
    const choice = Math.floor(random() * SENTENCES.length);
    const cost = costs.sentences[choice] ?? cheapest;
    if (cost > left) break;
    add(SENTENCES[choice] ?? "", cost);
  }
  while (left >= costs.filler && costs.filler > 0) add(FILLER, costs.filler);
  return text === "" ? (DIGITS[number & 15] ?? "") : text;
}
