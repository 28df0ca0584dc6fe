import { tokensOf } from "./tokenizer.ts";

/*
 * The tokens of the simulator are texts; where a client asks for their ids, these say what the token is: seven characters
 * of ASCII, or one of any kind, and whether there was space in front. Other words are unknown, as to many real tokenizers.
 */
const UNKNOWN = 0;
const UNKNOWN_TEXT = "<unk>";
const BITS = 7;
const MAX_LENGTH = 7;
/** An id is over it for one character of any kind. */
const CHARACTER = 2 ** (BITS * MAX_LENGTH);
/** And over this for a token with space in front. */
const SPACED = 2 * CHARACTER;
/** In vLLM's words for tokens. */
const SPACE_MARK = "Ġ";

/** The ids of a text, as many as it has tokens. */
export function tokenIds(text: string): number[] {
  let at = 0;
  return tokensOf(text).map((token) => {
    const start = text.indexOf(token, at);
    const isSpaced = start > at;
    at = start + token.length;
    return (isSpaced ? SPACED : 0) + idOf(token);
  });
}

function idOf(token: string): number {
  const [first = "", ...others] = token;
  if (others.length === 0) return CHARACTER + (first.codePointAt(0) ?? 0);
  if (!/^[!-~]+$/.test(token)) return UNKNOWN;
  return [...token].reduce((id, character) => id * 2 ** BITS + character.charCodeAt(0), 0);
}

/** The token of an id, a space in front of it told by `space`. */
export function tokenText(id: number, space: string = SPACE_MARK): string {
  const isSpaced = id >= SPACED;
  return (isSpaced ? space : "") + textOf(isSpaced ? id - SPACED : id);
}

function textOf(id: number): string {
  if (id === UNKNOWN) return UNKNOWN_TEXT;
  if (id >= CHARACTER)
    return id - CHARACTER <= 0x10ffff ? String.fromCodePoint(id - CHARACTER) : UNKNOWN_TEXT;
  let text = "";
  for (let rest = id; rest > 0; rest = Math.floor(rest / 2 ** BITS))
    text = String.fromCharCode(rest % 2 ** BITS) + text;
  return text;
}
