import { setTimeout as sleep } from "node:timers/promises";
import { expectedTexts } from "../../simulator/oracle.ts";
import { between, oneOf, randomOf } from "./random.ts";

/** How a request ended, by what its client got. */
export type Ending = "exact" | "wrong" | "left" | "cut" | `status ${number}` | `error event ${string}`;

export interface Told {
  readonly what: string;
  readonly ending: Ending;
  /** Of what is wrong: what was asked and answered. */
  readonly detail?: string;
}

interface Request {
  /** For the report. */
  readonly what: string;
  readonly path: string;
  readonly body: string;
  readonly tokens: number;
  /** After which the client leaves. */
  readonly patienceMs: number | undefined;
}

const WORDS = ["owls", "boats", "Where", "9007199254740993", "\\u4e2d", "naïve", "🚢"] as const;
const CHINESE = ["昇腾", "预填充", "解码", "分离部署", "调度器", "键值缓存", ",请解释。"] as const;

function text(random: () => number, words: readonly string[], length: number): string {
  let all = "";
  while (all.length < length) all += `${words[Math.floor(random() * words.length)]} `;
  return all;
}

/** The nth request of a client, which follows from its random numbers alone. */
function nextRequest(random: () => number): Request {
  const tokens = between(random, 1, 30);
  const [size, words] = oneOf<[string, string]>(random, [
    ["short", text(random, WORDS, between(random, 1, 200))],
    ["Chinese", text(random, CHINESE, between(random, 1, 400))],
    ["big", text(random, WORDS, between(random, 10_000, 40_000))],
  ]);
  const stream = random() < 0.6;
  const prompt = JSON.stringify(words);
  const shared = `"model":"soak","max_tokens":${tokens},"stream":${stream},"seed":${between(random, 0, 9)}`;
  const shape = oneOf(random, ["completion", "chat", "several"]);
  const [path, body] =
    shape === "chat"
      ? ["/v1/chat/completions", `{${shared},"messages":[{"role":"user","content":${prompt}}]}`]
      : shape === "several"
        ? ["/v1/completions", `{${shared},"prompt":[${prompt},"another"],"n":2,"temperature":1}`]
        : ["/v1/completions", `{${shared},"prompt":${prompt}}`];
  const patienceMs = random() < 0.15 ? between(random, 0, 150) : undefined;
  return { what: `${size} ${shape}${stream ? " stream" : ""}`, path, body, tokens, patienceMs };
}

/** Asks again and again, from `seed`, until `stop`. */
export async function client(
  port: number,
  seed: number,
  stop: AbortSignal,
  tell: (told: Told) => void,
): Promise<void> {
  const random = randomOf(seed);
  while (!stop.aborted) {
    const request = nextRequest(random);
    tell({ what: request.what, ...(await ask(port, request)) });
    await sleep(between(random, 0, 40));
  }
}

async function ask(port: number, request: Request): Promise<Omit<Told, "what">> {
  const { path, body, tokens, patienceMs } = request;
  const leaving = new AbortController();
  const timer = patienceMs === undefined ? undefined : setTimeout(() => leaving.abort(), patienceMs);
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      signal: leaving.signal,
    });
    const said = await answer.text();
    if (answer.status !== 200) return { ending: `status ${answer.status}` };
    return read(request, said, expectedTexts(body, tokens));
  } catch {
    return { ending: leaving.signal.aborted ? "left" : "cut" };
  } finally {
    clearTimeout(timer);
  }
}

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly message?: { readonly content: string };
  readonly delta?: { readonly content?: string | null };
}

function read({ body }: Request, said: string, oracle: readonly string[]): Omit<Told, "what"> {
  const texts = oracle.map(() => "");
  const take = (choices: readonly Choice[] = []) => {
    for (const { index, text, message, delta } of choices)
      texts[index] = (texts[index] ?? "") + (text ?? message?.content ?? delta?.content ?? "");
  };
  const wrong = (why: string) =>
    ({
      ending: "wrong",
      detail: `${why}\n  asked ${body.slice(0, 300)}\n  got ${said.slice(-600)}`,
    }) as const;
  try {
    if (!said.startsWith("data: ")) take(JSON.parse(said).choices);
    else {
      const data = said.split("\n\n").map((event) => event.slice("data: ".length));
      if (data.pop() !== "") return wrong("a stream that stops within an event");
      const last = data.pop() ?? "";
      for (const json of data) take(JSON.parse(json).choices);
      if (last !== "[DONE]") {
        const { error } = JSON.parse(last);
        if (error === undefined || texts.some((one, index) => !oracle[index]?.startsWith(one)))
          return wrong("a stream that ends otherwise than with an error behind right tokens");
        return { ending: `error event ${error.code}` };
      }
    }
  } catch (error) {
    return wrong(`${error}`);
  }
  const isExact = texts.length === oracle.length && texts.every((one, index) => one === oracle[index]);
  return isExact ? { ending: "exact" } : wrong("other tokens than the model's");
}
