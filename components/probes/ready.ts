import { setTimeout as sleep } from "node:timers/promises";
import type { ProbeArguments } from "./arguments.ts";
import { inspect, lastWords } from "./docker.ts";
import { reasonOf } from "./main.ts";

/** Waits until a container answers on its ready path. Throws with its last words when it ends, or time is up. */
export async function untilReady({
  host,
  container,
  url,
  timeoutSeconds,
}: ProbeArguments["await-ready"]): Promise<void> {
  const start = Date.now();
  const deadline = start + timeoutSeconds * 1000;
  let last = "no answer";
  while (Date.now() < deadline) {
    last = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => (response.ok ? "ready" : `HTTP ${response.status}`),
      reasonOf,
    );
    const { State, RestartCount } = await inspect(host, container);
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
    if (last === "ready") return;
    // A model loads for minutes; until then every question may be an `ssh` of its own.
    await sleep(Math.min(200 + (Date.now() - start) / 10, 2000));
  }
  throw await failure(`${container} was not ready within ${timeoutSeconds} s: ${url} gave ${last}`);

  async function failure(what: string): Promise<Error> {
    const words = await lastWords(host, container).catch((error: Error) => error.message);
    return new Error(
      `${what.trim()}\nits last words:\n${words}\nfix: mend the cause and run \`pulumi up\` again; it goes on from here`,
    );
  }
}
