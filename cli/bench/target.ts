import type { Plan } from "../../planning/plan.ts";
import { dockerStack } from "../planned-stack.ts";
import { UserError } from "../user-error.ts";
import { authorization } from "./key.ts";
import type { CountTokens } from "./prompts.ts";

/** Whom to ask. */
export interface Target {
  /** Without a slash at the end. */
  readonly base: string;
  readonly model: string;
  /** Of a stack. */
  readonly plan?: Plan;
}

/** Throws UserError unless one of both is given. */
export async function targetOf(
  stack: string | undefined,
  url: string | undefined,
  model: string | undefined,
  key: string | undefined,
): Promise<Target> {
  if ((stack === undefined) === (url === undefined)) {
    throw new UserError("whom to ask?\nfix: give --stack STACK, or --url URL");
  }
  if (stack !== undefined) {
    const { plan } = dockerStack(stack);
    if (plan.api !== "openai") {
      throw new UserError(
        `${stack} serves vLLM's own API\nfix: remove engine.useOpenai, or measure it with a client of that API`,
      );
    }
    return { base: plan.endpoint, model: model ?? plan.servedModelName, plan };
  }
  const base = baseOf(url ?? "");
  return { base, model: model ?? (await firstModel(base, key)) };
}

function baseOf(url: string): string {
  const { protocol, origin, pathname, search, hash } = URL.parse(url) ?? {};
  if ((protocol === "http:" || protocol === "https:") && `${search}${hash}` === "") {
    return `${origin}${pathname}`.replace(/(\/v1)?\/*$/, "");
  }
  throw new UserError(`--url ${url} is no address\nfix: e.g. http://10.0.0.18:9000`);
}

async function firstModel(base: string, key: string | undefined): Promise<string> {
  const asked = fetch(`${base}/v1/models`, {
    headers: authorization(key),
    signal: AbortSignal.timeout(30_000),
  });
  const why = await asked.then(
    async (answer) => {
      const id: unknown = Object(await answer.json().catch(() => undefined)).data?.[0]?.id;
      return typeof id === "string" ? { id } : `it answers ${answer.status}`;
    },
    ({ cause, message }: Error) => (cause instanceof Error ? cause.message : message),
  );
  if (typeof why === "object") return why.id;
  throw new UserError(
    `${base}/v1/models names no model: ${why}\nfix: check the address, or give --model NAME`,
  );
}

/** Counts by the server's own tokenizer; undefined where it does not. */
export function tokenCounter({ base, model }: Target, key: string | undefined): CountTokens {
  return async (prompt) => {
    const answer = await fetch(`${base}/tokenize`, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization(key) },
      body: JSON.stringify({ model, prompt, add_special_tokens: false }),
      signal: AbortSignal.timeout(30_000),
    });
    const count: unknown = Object(await answer.json()).count;
    if (answer.ok && Number.isInteger(count) && Number(count) > 0) return Number(count);
    throw new Error(`/tokenize answers ${answer.status}`);
  };
}
