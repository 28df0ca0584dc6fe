import { firstQuestion } from "../../planning/first-question.ts";
import { probeArguments } from "./arguments.ts";
import { reasonOf, runProbe } from "./main.ts";

// Healthy ports prove nothing: a missing hccn.conf or a wrong device_ip shows only when KV cache moves from
// prefill to decode. So the deployment counts as up when one real answer with text came back.
await runProbe(async () => {
  const { url, api, model, timeoutSeconds } = probeArguments("first-completion");
  const { path, body, textOf } = firstQuestion(api, model);
  const { ok, status, text } = await complete(url + path, body, timeoutSeconds).catch((error: Error) => {
    throw new Error(
      `the first completion through ${url} failed: ${reasonOf(error)}\nfix: read the scheduler's log`,
    );
  });
  const answer = ok ? attempt(() => textOf(text)) : undefined;
  if (!answer) {
    throw new Error(
      `the first completion through ${url} came back without text (HTTP ${status}): ${text.slice(0, 500)}\n` +
        "fix: read the logs of the scheduler and of both instances; an empty answer often means that KV cache did not arrive",
    );
  }
  return `first completion: ${answer.length} characters`;
});

async function complete(url: string, body: object, timeoutSeconds: number) {
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
