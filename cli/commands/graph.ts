import type { Plan } from "../../planning/plan.ts";
import { formatProblems } from "../../problems/problem.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { plannedStack } from "../planned-stack.ts";
import { complain } from "../print.ts";
import { mermaid } from "../render/mermaid.ts";
import { svg } from "../render/svg.ts";
import { UserError } from "../user-error.ts";

const formats: Readonly<Record<string, (plan: Plan) => string>> = { mermaid, svg };

const OPTIONS = { format: { type: "string", default: "mermaid" } } as const;

export const graph: Command = {
  summary: "draw a stack: hosts, instances, the way of a request and of KV cache",
  usage: `usage: ascend-pd graph STACK [--format mermaid|svg]

Prints a picture of what would run where, and of how a request and its KV cache flow. Asks no host.

  --format FORMAT  mermaid (default), which Markdown pages show, or svg, a picture for light and dark pages

examples:
  ascend-pd graph 2p2d
  ascend-pd graph 2p2d --format svg > topology.svg

exit codes: 0 printed, 2 the stack cannot work or the command line is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const draw = Object.hasOwn(formats, values.format) ? formats[values.format] : undefined;
    if (draw === undefined) {
      throw new UserError(
        `there is no format "${values.format}"\nfix: one of: ${Object.keys(formats).join(", ")}`,
      );
    }
    const { where, plan, warnings } = plannedStack(oneOperand(positionals, "STACK"));
    if (warnings.length > 0) complain(formatProblems(where, warnings));
    process.stdout.write(draw(plan));
    return 0;
  },
};
