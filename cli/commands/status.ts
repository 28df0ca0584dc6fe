import { setTimeout as sleep } from "node:timers/promises";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";
import { count } from "../../problems/text.ts";
import { type Command, mistakesEndWith1, parseOptions } from "../command.ts";
import { dockerStack } from "../planned-stack.ts";
import { complain, print } from "../print.ts";
import { withProgress } from "../progress.ts";
import { readStackFile, stackNames } from "../stack-file.ts";
import { knownStacks } from "../status/known-stacks.ts";
import { lookAt } from "../status/look.ts";
import { fleetText, statusText } from "../status/show.ts";
import { exitCode, type StackStatus } from "../status/stack-status.ts";

/** Each look has an `ssh` a host begin: this often, twenty hosts take a few percent of a core. */
const WATCH_MS = 5000;

const OPTIONS = { watch: { type: "boolean" }, json: { type: "boolean" } } as const;

export const status: Command = {
  summary: "say how a deployed stack is: containers, instances, requests, what is wrong",
  usage: `usage: ascend-pd status [STACK]... [--watch] [--json]

Asks the Docker Engines of a stack's hosts for its containers and its scheduler for its instances, over the connection
that \`pulumi up\` uses. Changes nothing. Without STACK: the stacks of stacks/ that Pulumi has a state of, a line each.

  --watch  look again every ${WATCH_MS / 1000} seconds until it is interrupted
  --json   print [{"stack", "verdict", "endpoint", "requests", "containers": [{"name", "role", "host", "npus",
           "of", "container", "state", "counters"}], "problems": [{"what", "fix"}]}]; with --watch a line for each look

A stack is healthy, degraded (the problems say why), unreachable (a host does not answer) or not deployed.

examples:
  ascend-pd status
  ascend-pd status 2p2d
  ascend-pd status 2p2d --watch
  ascend-pd status 2p2d --json | jq '.[0].problems'

exit codes: 0 healthy, 2 degraded, 1 unreachable, or the command line or a stack file is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  run: mistakesEndWith1(run),
};

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, OPTIONS);
  const plans =
    positionals.length > 0 ? positionals.map((name) => dockerStack(name).plan) : await knownPlans();
  const isFleet = positionals.length !== 1;
  for (;;) {
    const all = await withProgress(
      () => `asking the hosts of ${count(plans.length, "stack")}`,
      () => Promise.all(plans.map(lookAt)),
    );
    if (values.json) print(JSON.stringify(all, undefined, values.watch ? undefined : 2));
    else if (plans.length > 0) {
      if (values.watch && process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[2J");
      print(shown(all, isFleet));
    }
    if (!values.watch) return exitCode(all);
    await sleep(WATCH_MS);
  }
}

function shown(all: readonly StackStatus[], isFleet: boolean): string {
  return isFleet ? fleetText(all) : all.map(statusText).join("\n\n");
}

/** Of stacks that Pulumi knows. One that does not plan, or is no Docker Engines', is told and left out; the others are counted. */
async function knownPlans(): Promise<Plan[]> {
  const names = stackNames();
  const known = await withProgress(
    () => "asking Pulumi which stacks there are",
    () => knownStacks(names),
  );
  const others = names.length - known.length;
  if (others > 0) {
    const which = `${count(others, "stack")} of stacks/ ${others === 1 ? "is" : "are"} not known to Pulumi`;
    complain(`note: ${which}; \`ascend-pd status STACK\` asks the hosts of one all the same`);
  }
  return known.flatMap((name) => {
    const result = makePlan(name, readStackFile(name).deployment);
    if ("plan" in result && result.plan.kubernetes === undefined) return [result.plan];
    complain(
      "plan" in result
        ? `note: ${name} is on a Kubernetes cluster, so it is left out: ask the cluster itself`
        : `note: stacks/Pulumi.${name}.yaml is wrong, so it is left out; \`ascend-pd plan ${name}\` says why`,
    );
    return [];
  });
}
