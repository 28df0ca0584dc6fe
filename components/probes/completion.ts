import { reasonOf } from "../../hosts/ready-path.ts";
import { firstQuestion } from "../../planning/first-question.ts";
import type { ProbeArguments } from "./arguments.ts";

export interface Question extends Pick<ProbeArguments["first-completion"], "url" | "api" | "model"> {
  /** What the answer stands for, in messages. */
  readonly what: string;
  readonly timeoutSeconds: number;
  /** What is shown to whoever asks for a key; empty for none. */
  readonly key: string;
  /** Fewer tokens than the question asks for. */
  readonly maxTokens?: number;
  /** What to do where no answer comes, and where one without text comes. */
  readonly fixes: readonly [unanswered: string, empty: string];
}

const WANTS_KEY =
  "The engine, or what stands in front of it, wants another key than it was shown, if any was.\n" +
  "fix: name VLLM_API_KEY in engine.secretEnv, and keep the key in ascend-pd:secretEnv: then the engines, the scheduler " +
  "and `pulumi up` have the same one. Remove it from where else it stands (a config file, the image)";

/** Asks for a completion and gives its text. Throws where none comes back, with the reason and what to do. */
export async function completionOf(question: Question): Promise<string> {
  const { what, url, api, model, key, maxTokens, timeoutSeconds, fixes } = question;
  const { path, body, textOf } = firstQuestion(api, model);
  const asked = maxTokens === undefined ? body : { ...body, max_tokens: maxTokens };
  const { ok, status, text } = await post(url + path, asked, key, timeoutSeconds).catch((error: Error) => {
    throw new Error(`${what} failed: ${reasonOf(error)}\nfix: ${fixes[0]}`);
  });
  const answer = ok ? attempt(() => textOf(text)) : undefined;
  if (answer) return answer;
  const said = text.slice(0, 500);
  if (status === 401 || status === 403)
    throw new Error(`${what} was refused (HTTP ${status}): ${said}\n${WANTS_KEY}`);
  throw new Error(`${what} came back without text (HTTP ${status}): ${said}\nfix: ${fixes[1]}`);
}

async function post(url: string, body: object, key: string, timeoutSeconds: number) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
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
