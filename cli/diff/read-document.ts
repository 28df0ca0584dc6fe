import { createReadStream } from "node:fs";
import { UserError } from "../user-error.ts";

/** A preview of a hundred instances has about half of it. */
const limit = 64 * 1024 * 1024;

/** The JSON in a file, or in the standard input where the name is `-`. */
export async function readDocument(file: string): Promise<unknown> {
  const name = nameOf(file);
  const text = await readText(file, name);
  if (text.trim() === "")
    throw new UserError(`${name} is empty\nfix: see what the command that should have written it says`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(name, text, error as Error);
  }
}

/** What messages call it. */
export function nameOf(file: string): string {
  return file === "-" ? "the standard input" : file;
}

async function readText(file: string, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new UserError(`${name} cannot be read: ${(error as Error).message}\nfix: check the path`);
  }
  if (size > limit) {
    throw new UserError(
      `${name} is larger than ${limit / 1024 / 1024} MB\nfix: for so large a stack compare two Plans (ascend-pd plan STACK --json)`,
    );
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
}

/** Says where, and never quotes: what is broken may hold a secret. */
function notJson(name: string, text: string, { message }: Error): UserError {
  if (text.includes("\0"))
    return new UserError(
      `${name} is not UTF-8 text\nfix: write it without PowerShell's \`>\`, which makes UTF-16`,
    );
  if (text.startsWith("\n> ") || text.startsWith("> "))
    return new UserError(`${name} starts with npm's own lines\nfix: write it with \`npm run --silent\``);
  const [firstLine = ""] = text.split("\n", 1);
  if (isObject(firstLine))
    return new UserError(
      `${name} is a stream of JSON lines, not one document\nfix: run \`pulumi preview --json\` without PULUMI_ENABLE_STREAMING_JSON_PREVIEW`,
    );
  if (/end of JSON|Unterminated string/.test(message))
    return new UserError(
      `${name} ends in the middle, after ${text.length} characters\nfix: write it again; did the command that wrote it end?`,
    );
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  const before = text.slice(0, Number(position)).split("\n");
  const where =
    position === undefined ? "" : `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  return new UserError(
    `${name} is not JSON${where}\nfix: give the output of \`pulumi preview --json\` as it is`,
  );
}

function isObject(line: string): boolean {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
