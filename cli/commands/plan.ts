import { plan as makePlan } from "../../planning/make-plan.ts";
import { formatProblems } from "../../problems/problem.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { planJson } from "../plan-json.ts";
import { planTable } from "../plan-table.ts";
import { complain, print } from "../print.ts";
import { readStackFile } from "../stack-file.ts";

const OPTIONS = { json: { type: "boolean" } } as const;

export const plan: Command = {
  summary: "check a stack file and print what would run where",
  usage: `usage: ascend-pd plan STACK [--json]

Checks stacks/Pulumi.STACK.yaml by every rule and prints what would run where. Starts nothing and asks no host.

  --json   print {"plan", "warnings"}, every container decided to the last property, or {"problems"}

examples:
  ascend-pd plan 2p2d
  ascend-pd plan 2p2d --json | jq '.plan.containers[].command'

exit codes: 0 the stack can work (there may be warnings), 2 it cannot, or the command line is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const stack = oneOperand(positionals, "STACK");
    const { where, deployment } = readStackFile(stack);
    const result = makePlan(stack, deployment);
    const isWrong = "problems" in result;
    if (values.json) print(planJson(result));
    else if (isWrong) complain(formatProblems(where, result.problems));
    else {
      if (result.warnings.length > 0) complain(formatProblems(where, result.warnings));
      print(planTable(result.plan));
    }
    return isWrong ? 2 : 0;
  },
};
