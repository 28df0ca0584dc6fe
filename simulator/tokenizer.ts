import { isObject } from "./json.ts";

const PIECE = /\p{Script=Han}|[[\p{L}\p{M}\p{N}]--\p{Script=Han}]{1,6}[.,]?|\S/gv;

/** Words count one token per six letters, Chinese characters and symbols one each. */
export function countTokens(text: string): number {
  return text.match(PIECE)?.length ?? 0;
}

/** Tokens of a completion's `prompt`: text, or a list of token ids. */
export function countPromptTokens(prompt: unknown): number {
  return Array.isArray(prompt) ? prompt.length : countTokens(String(prompt));
}

/** Tokens of a chat's `messages`, roles included. */
export function countChatTokens(messages: unknown): number {
  const turns = Array.isArray(messages) ? messages.filter(isObject) : [];
  const text = turns.map(({ role, content }) => `${role}: ${contentText(content)}\n`).join("");
  return countTokens(`${text}assistant:`);
}

/** `content` may be a string, a list of text parts, or null. */
function contentText(content: unknown): string {
  if (Array.isArray(content)) return content.map((part) => (isObject(part) ? part.text : part)).join("");
  return typeof content === "string" ? content : "";
}
