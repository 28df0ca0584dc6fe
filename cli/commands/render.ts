import type { HostPlan, Plan } from "../../planning/plan.ts";
import { formatProblems } from "../../problems/problem.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { plannedStack } from "../planned-stack.ts";
import { complain } from "../print.ts";
import { compose } from "../render/compose.ts";
import { dockerRun } from "../render/docker-run.ts";
import { chosenHost } from "../render/host-choice.ts";
import { UserError } from "../user-error.ts";

const targets: Readonly<Record<string, (plan: Plan, host: HostPlan) => string>> = {
  "docker-run": dockerRun,
  compose,
};

const OPTIONS = { host: { type: "string" } } as const;

export const render: Command = {
  summary: "print the commands, or a Compose file, that stand for `pulumi up` on a host",
  usage: `usage: ascend-pd render TARGET STACK [--host NAME]

Prints what \`pulumi up\` would do on a host, for those who want to read it or to do it by other means. Starts nothing
and asks no host.

targets:
  docker-run   a shell script with the manual's steps: docker commands, start order, waiting, a first completion
  compose      a file for Docker Compose 2.23.1 or later

  --host NAME  which host's; needless where all of the stack runs on one

examples:
  ascend-pd render docker-run 1p1d | less
  ascend-pd render docker-run 2p2d-two-hosts --host host-b | ssh root@10.0.0.19 sh
  ascend-pd render compose 1p1d > compose.yaml

exit codes: 0 printed, 2 the stack cannot work or the command line is wrong`,
  options: OPTIONS,
  operands: [Object.keys(targets), "stack"],
  run(args) {
    const { values, positionals } = parseOptions({
      args: [...args],
      allowPositionals: true,
      options: OPTIONS,
    });
    const [target = "", ...operands] = positionals;
    const renderer = Object.hasOwn(targets, target) ? targets[target] : undefined;
    if (renderer === undefined) {
      throw new UserError(`there is no target "${target}"\nfix: one of: ${Object.keys(targets).join(", ")}`);
    }
    const { where, plan, warnings } = plannedStack(oneOperand(operands, "STACK"));
    if (warnings.length > 0) complain(formatProblems(where, warnings));
    process.stdout.write(renderer(plan, chosenHost(plan, values.host)));
    return 0;
  },
};
