import { passOf } from "../../hosts/pass.ts";
import { trustAlso } from "../../hosts/trusted-authority.ts";
import { probeArguments } from "./arguments.ts";
import { completionOf } from "./completion.ts";
import { runProbe } from "./main.ts";

// Healthy ports prove nothing: a missing hccn.conf or a wrong device_ip shows only when KV cache moves from
// prefill to decode. So the deployment counts as up when one real answer with text came back.
await runProbe(async () => {
  const args = probeArguments("first-completion");
  trustAlso(args.ca);
  const answer = await completionOf({
    ...args,
    key: args.passFrom === undefined ? "" : await passOf(args.passFrom),
    what: `the first completion through ${args.url}`,
    fixes: [
      "read the scheduler's log",
      "read the logs of the scheduler and of both instances; an empty answer often means that KV cache did not arrive",
    ],
  });
  return `first completion: ${answer.length} characters`;
});
