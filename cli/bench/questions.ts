import { readFileSync, statSync } from "node:fs";
import { UserError } from "../user-error.ts";
import type { Question } from "./client.ts";
import { type Costs, syntheticPrompt } from "./prompts.ts";

/** The question at a place of a run; `tokens`, where it is given, is how long every answer has to be. */
export type Questions = (place: number, tokens?: number) => Question;

/** Prompts and answers of these lengths. */
export function syntheticQuestions(
  model: string,
  seed: number,
  lengths: { readonly input: number; readonly output: number },
  costs: Costs,
): Questions {
  return (place, tokens = lengths.output) =>
    question(model, { prompt: syntheticPrompt(seed, place, lengths.input, costs) }, tokens, true);
}

const LARGEST = 256 * 1024 * 1024;

/**
 * Those of a file, in turn: a line of JSON each, with `prompt` or `messages`, and `output_tokens` if it likes. Throws
 * UserError with the line.
 */
export function questionsOf(file: string, model: string, output: number): { ask: Questions; count: number } {
  const lines = read(file)
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [asked(`${file}:${index + 1}`, line)]));
  if (lines.length === 0) throw new UserError(`${file} has no prompt\nfix: ${LINE}`);
  const ask: Questions = (place, tokens) => {
    const { output_tokens = output, ...content } = lines[place % lines.length] ?? {};
    return question(model, content, tokens ?? output_tokens, tokens !== undefined);
  };
  return { ask, count: lines.length };
}

const LINE =
  'give a JSON object a line: {"prompt": "…"} or {"messages": […]}, with "output_tokens" if you like';

interface Asked {
  readonly prompt?: string;
  readonly messages?: readonly unknown[];
  readonly output_tokens?: number;
}

function asked(where: string, line: string): Asked {
  const { prompt, messages, output_tokens } = Object(parsed(where, line));
  const isPrompt = typeof prompt === "string" && prompt !== "" && messages === undefined;
  const isChat = Array.isArray(messages) && messages.length > 0 && prompt === undefined;
  if (!isPrompt && !isChat) throw new UserError(`${where}: neither one prompt nor messages\nfix: ${LINE}`);
  if (output_tokens !== undefined && !(Number.isInteger(output_tokens) && output_tokens > 0)) {
    throw new UserError(`${where}: output_tokens is no number of tokens\nfix: give a whole number, from 1`);
  }
  return { ...(isPrompt ? { prompt } : { messages }), ...(output_tokens && { output_tokens }) };
}

function parsed(where: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UserError(`${where}: ${(error as Error).message}\nfix: ${LINE}`);
  }
}

function read(file: string): string {
  try {
    if (statSync(file).size > LARGEST) throw new Error("it is larger than 256 MiB");
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}\nfix: ${LINE}`);
  }
}

/** `isExact`: the engine goes on when it would end, so that every answer has all its tokens. */
function question(model: string, content: object, tokens: number, isExact: boolean): Question {
  const body = JSON.stringify({
    model,
    ...content,
    max_tokens: tokens,
    ...(isExact && { ignore_eos: true }),
    stream: true,
    stream_options: { include_usage: true },
  });
  return { path: "messages" in content ? "/v1/chat/completions" : "/v1/completions", body };
}
