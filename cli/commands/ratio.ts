import { formatProblems, type Problem } from "../../problems/problem.ts";
import { planRatio } from "../../ratio/plan-ratio.ts";
import { sensitivities } from "../../ratio/sensitivity.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { fragmentFor, fragmentText } from "../ratio/fragment.ts";
import { readMeasurements } from "../ratio/measurements.ts";
import { report } from "../ratio/report.ts";

const text = { type: "string" } as const;

const OPTIONS = {
  rate: text,
  npus: text,
  input: text,
  output: text,
  ttft: text,
  tpot: text,
  slo: text,
  "instance-npus": text,
  stack: text,
  json: { type: "boolean" },
} as const;

export const ratio: Command = {
  summary: "estimate from measurements how many prefill and decode instances to run",
  usage: `usage: ascend-pd ratio FILE [--rate N | --npus N] [--stack STACK] [--json]
       ascend-pd ratio (--rate N | --npus N) --input N --output N --ttft MS@BATCH --tpot MS@BATCH --slo TTFT/TPOT
                       [--instance-npus N] [--stack STACK] [--json]

Says how many instances of each role carry a request rate, or how to share out NPUs for the highest one. It counts with
what was measured and extrapolates nothing; docs/ratio.md has the formulas and what a FILE holds.

  --rate N             requests per second to serve
  --npus N             NPUs to share out, when no rate is given
  --stack STACK        also print the instances for stacks/Pulumi.STACK.yaml, on the NPUs of its hosts
  --input, --output N  mean tokens of a request, at which both latencies were measured
  --ttft MS@BATCH      time to first token of a prefill instance at a batch
  --tpot MS@BATCH      time per output token of a decode instance at a batch
  --slo TTFT/TPOT      what is promised, in milliseconds
  --instance-npus N    NPUs of an instance, default 1
  --json               print {"plan", "sensitivities", "refused", "fragment"}, or {"problems"}

examples:
  ascend-pd ratio measured.yaml --npus 8 --stack 2p2d
  ascend-pd ratio --npus 16 --instance-npus 2 --input 256 --output 256 --ttft 877.61@16 --tpot 48.7@64 --slo 1000/50

exit codes: 0 there is an estimate, 2 the measurements do not give one, or the command line is wrong`,
  options: OPTIONS,
  operands: ["file"],
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const { stack, json, ...options } = values;
    const file = positionals.length > 0 ? oneOperand(positionals, "FILE") : undefined;
    const { where, measured } = readMeasurements(file, options);
    const refuse = (problems: readonly Problem[]) => {
      if (json) print(JSON.stringify({ problems }, undefined, 2));
      else complain(formatProblems(where, problems));
      return 2;
    };
    if ("problems" in measured) return refuse(measured.problems);
    const { input } = measured;
    const result = planRatio(input);
    if ("problems" in result) return refuse(result.problems);
    const { plan, refused } = result;
    const fragment = stack === undefined ? undefined : fragmentFor(stack, plan.sizings[0], input);
    const whatIf = sensitivities(input);
    if (json) {
      print(JSON.stringify({ plan, sensitivities: whatIf, refused, fragment }, undefined, 2));
      return 0;
    }
    const warnings = refused.map((problem) => ({ ...problem, severity: "warning" as const }));
    if (warnings.length > 0) complain(formatProblems(where, warnings));
    print(report(plan, whatIf, input));
    if (fragment !== undefined)
      print(
        `\nFor stacks/Pulumi.${stack}.yaml, in place of its prefill and decode:\n\n${fragmentText(fragment)}`,
      );
    return 0;
  },
};
