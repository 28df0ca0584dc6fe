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
/** And over this for a token that an engine has made. */
const MADE = 2 * SPACED;
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

/** The id of one that an engine makes: in a prompt it tells where an answer begins that is to go on. */
export function madeTokenId(text: string): number {
  return MADE + (tokenIds(text)[0] ?? UNKNOWN);
}

export const isMade = (id: number): boolean => id >= MADE;

/** The ids of a text by its characters, of which nothing is lost. */
export function characterIds(text: string): number[] {
  return Array.from(text, (character) => CHARACTER + (character.codePointAt(0) ?? 0));
}

/** The text that has these ids by its characters, if any has. */
export function textOfCharacters(ids: readonly number[]): string | undefined {
  const areAll = ids.length > 0 && ids.every((id) => id >= CHARACTER && id - CHARACTER <= 0x10ffff);
  return areAll ? ids.map((id) => textOf(id)).join("") : undefined;
}

/** The token of an id, a space in front of it told by `space`. */
export function tokenText(id: number, space: string = SPACE_MARK): string {
  const bare = isMade(id) ? id - MADE : id;
  const isSpaced = bare >= SPACED;
  return (isSpaced ? space : "") + textOf(isSpaced ? bare - SPACED : bare);
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
