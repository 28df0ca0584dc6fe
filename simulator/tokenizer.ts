import { isObject } from "./json.ts";

const PIECE = /\p{Script=Han}|[[\p{L}\p{M}\p{N}]--\p{Script=Han}]{1,6}[.,]?|\S/gv;

/** Words are one token per six letters, Chinese characters and symbols one each. */
export function tokensOf(text: string): readonly string[] {
  return text.match(PIECE) ?? [];
}

export function countTokens(text: string): number {
  return tokensOf(text).length;
}

/** Tokens of one prompt of a completion: text, or a list of token ids. */
export function promptTokens(prompt: unknown): readonly string[] {
  return Array.isArray(prompt) ? prompt.map(String) : tokensOf(String(prompt));
}

/** Tokens of a chat's `messages`, roles included. */
export function chatTokens(messages: unknown): readonly string[] {
  return tokensOf(chatText(messages));
}

/** What the template makes of a chat. */
export function chatText(messages: unknown): string {
  const turns = Array.isArray(messages) ? messages.filter(isObject) : [];
  return `${turns.map(({ role, content }) => `${role}: ${contentText(content)}\n`).join("")}assistant:`;
}

/** `content` may be a string, a list of text parts, or null. */
function contentText(content: unknown): string {
  if (Array.isArray(content)) return content.map((part) => (isObject(part) ? part.text : part)).join("");
  return typeof content === "string" ? content : "";
}
