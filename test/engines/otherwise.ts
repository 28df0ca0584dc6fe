const OWN_WORDS = "refused by the scheduler, in its own words";
const ANTHROPICS = "errors have Anthropic's form, and the fields of the other, wherever they come from";
const LIMIT = "a request may ask for 128 answers";

/** Cases that are answered otherwise than by a plain instance, and why. */
export const OTHERWISE: Readonly<Record<string, string>> = {
  "not JSON": OWN_WORDS,
  "model unknown": OWN_WORDS,
  "n a text": OWN_WORDS,
  "prompt mixed": OWN_WORDS,
  "n 2, greedy": OWN_WORDS,
  "n 2, greedy stream": OWN_WORDS,
  "batch, greedy n 2": OWN_WORDS,
  "chat, n 2, greedy": OWN_WORDS,
  "response, previous unknown": OWN_WORDS,
  "response, input missing": "vLLM's words tell how many fields it was sent, and prefill is sent others",
  "message, messages missing": "Anthropic's form, and as many fields as prefill is sent",
  "message, max_tokens 0": ANTHROPICS,
  "message, over the context": ANTHROPICS,
  "n 100000": LIMIT,
  "batch over the limit": LIMIT,
  "batch with an empty text":
    "each prompt is asked for by itself, where vLLM refuses an empty one in other words",
  "batch with too great an id stream": "an HTTP error, where a plain instance has begun its stream",
};
