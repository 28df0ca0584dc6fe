/*
 * What a canary is asked. A list of words with numbers, and its beginning again: whoever has read the list goes on with what
 * stands there, nearly without a doubt, so that small differences of arithmetic change no token; and who has read other KV
 * cache has nothing to go on with.
 */

const WORDS =
  "river lamp stone cloud bread chair glass horse train paper clock shirt plant knife table phone storm fruit beach wheel " +
  "ocean bridge garden window pencil button rabbit candle orange ladder basket mirror hammer island jacket kitten letter " +
  "market needle pocket ribbon saddle ticket violin";

const LIST = WORDS.split(" ").map((word, at) => `${word} ${11 + ((at * 37) % 89)}`);

/**
 * 131 words and numbers, so that no tokeniser makes fewer tokens of it than a block of KV cache has with vLLM (16) or
 * vllm-ascend (128); the usual ones make some 200.
 */
const AGAIN = 22;
export const PROMPT = `${[...LIST, ...LIST.slice(0, AGAIN)].join("\n")}\n${WORDS.split(" ")[AGAIN]}`;

/** Tokens that are compared. Wrong KV cache shows in the first one or two. */
export const TOKENS = 8;

/** `salt` keeps caches of prefixes out of it: what decode has cached it would not fetch. */
export function canaryBody(model: string | undefined, salt: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      model,
      prompt: PROMPT,
      max_tokens: TOKENS,
      temperature: 0,
      ignore_eos: true,
      cache_salt: salt,
    }),
  );
}
