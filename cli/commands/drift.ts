import { chosenHosts } from "../chosen-hosts.ts";
import { type Command, mistakesEndWith1, oneOperand, parseOptions } from "../command.ts";
import { driftOf } from "../drift/drift-of.ts";
import { reportText } from "../drift/report.ts";
import { dockerStack } from "../planned-stack.ts";
import { complain, print } from "../print.ts";
import { selectedStack } from "../selected-stack.ts";

const OPTIONS = {
  host: { type: "string", multiple: true, default: [] as string[] },
  json: { type: "boolean" },
} as const;

export const drift: Command = {
  summary: "say where the hosts of a deployed stack are not as planned, and what mends it",
  usage: `usage: ascend-pd drift [STACK] [--host NAME]... [--json]

Compares what the Docker Engines of a stack's hosts say with the Plan of its stack file: containers that are gone,
stopped, paused, renamed, replaced or changed by hand, rank tables edited inside them, images moved to another tag, and
containers of others that hold the stack's NPUs. Asks npu-smi and hccn_tool how the NPUs of its instances are: health,
links, optics, RoCE counters that grow. Changes nothing. \`pulumi refresh\` sees less: docs/drift.md tells more.

  STACK        the stack that \`pulumi stack select\` has selected, where it is left out
  --host NAME  only this host; may be given several times
  --json       print {"stack", "hosts", "problems", "stateUnknown", "findings": [{"kind", "host", "container",
               "differences": [{"what", "planned", "there"}], "remedy"}], "notes"}

Where \`pulumi\` is on the PATH and knows the stack, changes of the stack file that no \`pulumi up\` has brought up are
told apart from drift, and containers that it did not make are recognised.

examples:
  ascend-pd drift 2p2d
  ascend-pd drift 2p2d --host host-b
  ascend-pd toolchain exec npx ascend-pd drift 2p2d --json

exit codes: 0 no drift (there may be notes), 2 drift, or an NPU that fails, 1 any error: a host could not be asked (what
the others have is printed), the command line or the stack file is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  run: mistakesEndWith1(look),
};

async function look(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, OPTIONS);
  const stack = positionals.length === 0 ? await selectedStack() : oneOperand(positionals, "STACK");
  const { plan } = dockerStack(stack);
  const tell = (problem: string) => complain(`error: ${problem}`);
  const report = await driftOf(plan, chosenHosts(stack, plan.hosts, values.host), tell);
  if (values.json) print(JSON.stringify(report, undefined, 2));
  else {
    if (report.stateUnknown !== undefined)
      complain(
        `note: Pulumi's state is not known (${report.stateUnknown}), so what no \`pulumi up\` has brought up yet is told as drift`,
      );
    print(reportText(report));
  }
  if (report.problems.length > 0) return 1;
  return report.findings.length > 0 ? 2 : 0;
}
