import { count } from "../../problems/text.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe, say } from "./main.ts";
import { askScheduler, stateOf } from "./scheduler.ts";

// Run before an instance's container is stopped: nothing new is sent there, and what it has is waited for.
await runProbe(async () => {
  const args = probeArguments("drain");
  const { scheduler, role, address, ready } = args;
  const { container } = ready;
  const nothing = `${container}: no scheduler sends it requests`;
  const before = await stateOf(args);
  if (before === undefined) return nothing;

  say(`draining ${container}: ${left(before)}`);
  let answer = await askScheduler(scheduler, "/drain", { instance: address });
  if (answer?.done === false && answer.problem.code === "conflict") {
    say(`${container} is the last ${role} instance: requests are answered 503 until one is back`);
    answer = await askScheduler(scheduler, "/drain", { instance: address, force: true });
  }
  if (answer === undefined || (!answer.done && answer.problem.code === "unknown_instance")) return nothing;
  if (!answer.done) throw new Error(`${container} is not drained: ${answer.problem.message}`);
  const { ended, ...rest } = answer.body as Drained;
  if (ended === "idle") return `${container} is drained`;
  if (ended === "deadline") return `${container} is stopped with ${left(rest)}: its drain took too long`;
  throw new Error(
    `somebody has joined ${container} again while it drained\nfix: run \`pulumi up\` again to replace it`,
  );
});

interface Drained {
  readonly ended: "idle" | "deadline" | "joined";
  readonly inFlight: number;
  readonly kvHeld: number;
}

function left({ inFlight, kvHeld }: Pick<Drained, "inFlight" | "kvHeld">): string {
  return `${count(inFlight, "request")} in flight, ${count(kvHeld, "KV cache")} held`;
}
