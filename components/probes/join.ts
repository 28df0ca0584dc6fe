import { text } from "node:stream/consumers";
import { probeArguments } from "./arguments.ts";
import { completionOf } from "./completion.ts";
import { runProbe } from "./main.ts";
import { untilReady } from "./ready.ts";
import { askScheduler, stateOf } from "./scheduler.ts";

// Lets an instance have requests once it has proven itself. Where no scheduler runs that knows it, nothing can be lost:
// the next scheduler starts after all instances are ready. So a first start does not wait here for model loads.
await runProbe(async () => {
  const args = probeArguments("join");
  const { scheduler, role, address, api, model, ready } = args;
  if ((await stateOf(args)) === undefined) return `${ready.container}: there is no scheduler to tell`;

  await untilReady(ready);
  const fix = `read the log of ${ready.container}; until it answers it gets no requests`;
  await completionOf({
    what: `the first completion on ${ready.container} itself`,
    url: `http://${address}`,
    api,
    model,
    key: await text(process.stdin),
    timeoutSeconds: 120,
    fixes: [fix, fix],
    // As the scheduler asks it.
    ...(role === "prefill" && { maxTokens: 1 }),
  });
  const answer = await askScheduler(scheduler, "/join", { instance: address });
  if (answer === undefined) return `${ready.container} answers; no scheduler runs now`;
  const { joined = false, ended } = answer.done ? (answer.body as Joined) : { ended: answer.problem.message };
  if (joined) return `${ready.container} answers and gets requests`;
  throw new Error(
    `${ready.container} answers, but the scheduler does not send it requests: ${ended}\n` +
      `fix: see whether ${scheduler.host.name} reaches ${address}, and run \`pulumi up\` again`,
  );
});

interface Joined {
  readonly joined: boolean;
  readonly ended: string;
}
