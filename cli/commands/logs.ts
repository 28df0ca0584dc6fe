import { hostOf } from "../../hosts/administered.ts";
import { readLines } from "../../hosts/follow.ts";
import type { ContainerPlan, Plan } from "../../planning/plan.ts";
import { nearest } from "../../problems/nearest.ts";
import { type Command, parseOptions } from "../command.ts";
import { dockerStack } from "../planned-stack.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = {
  follow: { type: "boolean", short: "f", default: false },
  tail: { type: "string", default: "20" },
  json: { type: "boolean", default: false },
} as const;

export const logs: Command = {
  summary: "print what the containers of a stack have written, and follow it",
  usage: `usage: ascend-pd logs STACK [INSTANCE]... [-f] [--tail N] [--json]

Prints the last lines of the containers' logs, over the connection that \`pulumi up\` uses. INSTANCE is the name of a
container, with or without the stack's name before it; of an instance over several hosts that of the instance means all
its members. Without one all are printed, each line with its container.

  -f, --follow  go on with what is written, also when a container ends and starts again, until it is interrupted
  --tail N      how many lines of each to begin with (20)
  --json        print {"instance", "time", "stream", "text"} for each line

examples:
  ascend-pd logs 2p2d
  ascend-pd logs 2p2d decode-1 -f
  ascend-pd logs 2p2d scheduler --tail 1000 --json | jq 'select(.text | contains("error"))'

What known faults they tell of: ascend-pd doctor --logs.

exit codes: 0 done, 1 a log could not be read, 2 the command line or the stack file is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  async run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [stack, ...names] = positionals;
    if (stack === undefined) throw new UserError("STACK is missing\nfix: --help shows what there is");
    if (!/^\d{1,7}$/.test(values.tail)) {
      throw new UserError(`--tail is ${values.tail}\nfix: give a number of lines`);
    }
    const { plan } = dockerStack(stack);
    const chosen = chosenContainers(plan, names);
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());
    const width = Math.max(...chosen.map(({ name }) => name.length));
    const options = { tail: Number(values.tail), follow: values.follow, signal: stop.signal };
    const show = (container: ContainerPlan) => {
      const { name } = container;
      const label = chosen.length === 1 ? "" : `${name.padEnd(width)} | `;
      return readLines(hostOf(plan, container), name, options, (line) =>
        print(values.json ? JSON.stringify({ instance: name, ...line }) : `${label}${line.text}`),
      );
    };
    const failures: string[] = [];
    const read = (container: ContainerPlan) =>
      show(container).catch(({ message }: Error) => {
        failures.push(message);
        complain(`error: the log of ${container.name} on ${container.host} could not be read: ${message}`);
      });
    if (values.follow) await Promise.all(chosen.map(read));
    else for (const container of chosen) await read(container);
    if (failures.length === 0) return 0;
    complain(`fix: \`ascend-pd status ${stack}\` says what there is of it`);
    return 1;
  },
};

function chosenContainers(plan: Plan, names: readonly string[]): readonly ContainerPlan[] {
  if (names.length === 0) return plan.containers;
  return names.flatMap((wanted) => {
    const isWanted = (name: string | undefined) => name === wanted || name === `${plan.stack}-${wanted}`;
    const found = plan.containers.filter(({ name, member }) => isWanted(name) || isWanted(member?.of));
    if (found.length > 0) return found;
    const all = plan.containers.map(({ name }) => name);
    const near = nearest(`${plan.stack}-${wanted}`, all);
    throw new UserError(
      `${plan.stack} has no instance ${wanted}\nfix: ${near === undefined ? `one of ${all.join(", ")}` : `did you mean ${near}?`}`,
    );
  });
}
