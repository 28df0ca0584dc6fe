import type { Plan } from "./plan.ts";

const prompt = "Say hello.";

interface Question {
  /** Below the endpoint. */
  readonly path: string;
  readonly body: object;
  /** The text of an answer, a JSON text; throws where it has none. */
  readonly textOf: (answer: string) => string;
}

/** What a deployment is asked to see that it works. vLLM's own API repeats the prompt in front of its answer. */
export function firstQuestion(api: Plan["api"], model: string): Question {
  const limits = { max_tokens: 8, temperature: 0 };
  if (api === "openai") {
    return {
      path: "/v1/completions",
      body: { model, prompt, ...limits },
      textOf: (answer) => JSON.parse(answer).choices[0].text,
    };
  }
  return {
    path: "/generate",
    body: { prompt, ...limits },
    textOf: (answer) => JSON.parse(answer).text[0].replace(prompt, ""),
  };
}
