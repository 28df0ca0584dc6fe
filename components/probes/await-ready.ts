import { setTimeout as sleep } from "node:timers/promises";
import { probeArguments } from "./arguments.ts";
import { inspect, lastWords } from "./docker.ts";
import { reasonOf, runProbe } from "./main.ts";

await runProbe(async () => {
  const { docker, container, url, timeoutSeconds } = probeArguments("await-ready");
  const deadline = Date.now() + timeoutSeconds * 1000;
  let last = "no answer";
  while (Date.now() < deadline) {
    last = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => (response.ok ? "ready" : `HTTP ${response.status}`),
      reasonOf,
    );
    const { State, RestartCount } = await inspect(docker, container);
    if (!State.Running) {
      throw await failure(
        `${container} ended with exit code ${State.ExitCode} before it was ready ${State.Error}`,
      );
    }
    // Docker's restart policy has set it going again, so its exit code is lost.
    if (RestartCount > 2) {
      throw await failure(`${container} ended ${RestartCount} times before it was ready`);
    }
    // Asked after the inspection: another process may answer on the port of a container that has died.
    if (last === "ready") return `${container} ready`;
    await sleep(200);
  }
  throw await failure(`${container} was not ready within ${timeoutSeconds} s: ${url} gave ${last}`);

  async function failure(what: string): Promise<Error> {
    const words = await lastWords(docker, container).catch((error: Error) => error.message);
    return new Error(
      `${what.trim()}\nits last words:\n${words}\nfix: mend the cause and run \`pulumi up\` again; it goes on from here`,
    );
  }
});
