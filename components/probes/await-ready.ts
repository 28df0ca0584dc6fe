import { setTimeout as sleep } from "node:timers/promises";
import { probeArguments } from "./arguments.ts";
import { dockerJson, dockerLogs } from "./docker-api.ts";
import { runProbe } from "./main.ts";

interface Inspected {
  readonly RestartCount: number;
  readonly State: { readonly Running: boolean; readonly ExitCode: number; readonly Error: string };
}

await runProbe(async () => {
  const { docker, container, url, timeoutSeconds } = probeArguments("await-ready");
  const started = Date.now();
  const deadline = started + timeoutSeconds * 1000;
  let last = "no answer";
  while (Date.now() < deadline) {
    last = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => (response.ok ? "ready" : `HTTP ${response.status}`),
      (error: Error) => (error.cause instanceof Error ? error.cause.message : error.message),
    );
    if (last === "ready") return `${container} ready`;

    const { State, RestartCount } = await dockerJson<Inspected>(docker, `/containers/${container}/json`);
    if (!State.Running || RestartCount > 2) {
      throw await failure(
        `${container} ended with exit code ${State.ExitCode} before it was ready ${State.Error}`,
      );
    }
    await sleep(200);
  }
  throw await failure(`${container} was not ready within ${timeoutSeconds} s: ${url} gave ${last}`);

  async function failure(what: string): Promise<Error> {
    const logs = await dockerLogs(docker, container, 20).catch((error: Error) => error.message);
    return new Error(
      `${what.trim()}\nits last words:\n${logs.replaceAll(/^/gm, "  ")}\nfix: mend the cause and run \`pulumi up\` again; it starts from here`,
    );
  }
});
