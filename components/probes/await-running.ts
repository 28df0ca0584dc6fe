import { setTimeout as sleep } from "node:timers/promises";
import { inspect, lastWords } from "../../hosts/containers.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

/** What does not like its configuration ends sooner. */
const staysMs = 5000;

// What listens on its host's loopback alone cannot be asked from here.
await runProbe(async () => {
  const { host, container } = probeArguments("await-running");
  const start = Date.now();
  for (;;) {
    const { State, RestartCount } = await inspect(host, container);
    if (!State.Running || RestartCount > 0) {
      const words = await lastWords(host, container).catch((error: Error) => error.message);
      throw new Error(
        `${container} on ${host.name} ended as soon as it was started, with exit code ${State.ExitCode} ${State.Error}\n` +
          `its last words:\n${words}\nfix: mend the cause, and run \`pulumi up\` again; it goes on from here`,
      );
    }
    if (Date.now() - start >= staysMs) return `${container} runs`;
    await sleep(500);
  }
});
