import { isObject } from "./json.ts";

const PIECE = /\p{Script=Han}|[[\p{L}\p{M}\p{N}]--\p{Script=Han}]{1,6}[.,]?|\S/gv;

/** Words count one token per six letters, Chinese characters and symbols one each. */
export function countTokens(text: string): number {
  return text.match(PIECE)?.length ?? 0;
}

/** `usage.prompt_tokens` of a valid request body. */
export function countPromptTokens(body: Record<string, unknown>): number {
  const { prompt, messages } = body;
  if (Array.isArray(messages)) return countTokens(chatTemplate(messages));
  return Array.isArray(prompt) ? prompt.length : countTokens(String(prompt));
}

function chatTemplate(messages: readonly unknown[]): string {
  const turns = messages.filter(isObject).map(({ role, content }) => `${role}: ${contentText(content)}\n`);
  return `${turns.join("")}assistant:`;
}

/** `content` may be a string, a list of text parts, or null. */
function contentText(content: unknown): string {
  if (Array.isArray(content)) return content.map((part) => (isObject(part) ? part.text : part)).join("");
  return typeof content === "string" ? content : "";
}
