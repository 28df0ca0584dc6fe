import { findAccess } from "../../cluster/access.ts";
import { postToService } from "../../cluster/proxy.ts";
import { firstQuestion } from "../../planning/first-question.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

// As on hosts, but through the API server: whoever runs `up` need not stand in the cluster's network.
await runProbe(async () => {
  const { context, service, api, model, timeoutSeconds } = probeArguments("first-completion-in-cluster");
  const { path, body, textOf } = firstQuestion(api, model);
  const what = `the first completion through Service ${service.service}`;
  const answer = await postToService(await findAccess(context), service, path, body, timeoutSeconds);
  const text = answer.status === 200 ? attempt(() => textOf(answer.text)) : undefined;
  if (text) return `first completion: ${text.length} characters`;
  throw new Error(
    `${what} came back without text (HTTP ${answer.status}): ${answer.text.slice(0, 500)}\n` +
      "fix: read the logs of the scheduler's pod and of both instances' (kubectl logs); an empty answer often means that " +
      "KV cache did not arrive, and 403 that the context may not `create services/proxy`",
  );
});

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
