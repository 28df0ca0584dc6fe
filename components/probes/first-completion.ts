import { probeArguments } from "./arguments.ts";
import { reasonOf, runProbe } from "./main.ts";

// Healthy ports prove nothing: a missing hccn.conf or a wrong device_ip shows only when KV cache moves from
// prefill to decode. So the deployment counts as up when one real answer with text came back.
await runProbe(async () => {
  const { url, model, timeoutSeconds } = probeArguments("first-completion");
  const { ok, status, text } = await complete(url, model, timeoutSeconds).catch((error: Error) => {
    throw new Error(
      `the first completion through ${url} failed: ${reasonOf(error)}\nfix: read the scheduler's log`,
    );
  });
  const answer = ok ? textOf(text) : undefined;
  if (!answer) {
    throw new Error(
      `the first completion through ${url} came back without text (HTTP ${status}): ${text.slice(0, 500)}\n` +
        "fix: read the logs of the scheduler and of both instances; an empty answer often means that KV cache did not arrive",
    );
  }
  return `first completion: ${answer.length} characters`;
});

async function complete(url: string, model: string, timeoutSeconds: number) {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "Say hello.", max_tokens: 8, temperature: 0 }),
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  });
  return { ok: response.ok, status: response.status, text: await response.text() };
}

function textOf(body: string): string | undefined {
  try {
    return JSON.parse(body).choices[0].text;
  } catch {
    return undefined;
  }
}
