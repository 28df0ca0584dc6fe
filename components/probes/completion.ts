import { reasonOf } from "../../hosts/ready-path.ts";
import { firstQuestion } from "../../planning/first-question.ts";
import type { ProbeArguments } from "./arguments.ts";

export interface Question extends Pick<ProbeArguments["first-completion"], "url" | "api" | "model"> {
  /** What the answer stands for, in messages. */
  readonly what: string;
  readonly timeoutSeconds: number;
  /** Fewer tokens than the question asks for. */
  readonly maxTokens?: number;
  /** What to do where no answer comes, and where one without text comes. */
  readonly fixes: readonly [unanswered: string, empty: string];
}

const WANTS_KEY =
  "The engine, or what stands in front of it, wants a key, and `pulumi up` has none to give.\n" +
  "fix: start the engine without one (--api-key in its arguments, VLLM_API_KEY in `secretEnv`), and let a proxy in front " +
  "of the scheduler ask clients for theirs";

/** Asks for a completion and gives its text. Throws where none comes back, with the reason and what to do. */
export async function completionOf(question: Question): Promise<string> {
  const { what, url, api, model, maxTokens, timeoutSeconds, fixes } = question;
  const { path, body, textOf } = firstQuestion(api, model);
  const asked = maxTokens === undefined ? body : { ...body, max_tokens: maxTokens };
  const { ok, status, text } = await post(url + path, asked, timeoutSeconds).catch((error: Error) => {
    throw new Error(`${what} failed: ${reasonOf(error)}\nfix: ${fixes[0]}`);
  });
  const answer = ok ? attempt(() => textOf(text)) : undefined;
  if (answer) return answer;
  const said = text.slice(0, 500);
  if (status === 401 || status === 403)
    throw new Error(`${what} was refused (HTTP ${status}): ${said}\n${WANTS_KEY}`);
  throw new Error(`${what} came back without text (HTTP ${status}): ${said}\nfix: ${fixes[1]}`);
}

async function post(url: string, body: object, timeoutSeconds: number) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  });
  return { ok: response.ok, status: response.status, text: await response.text() };
}

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
