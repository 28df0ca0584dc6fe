import { existsSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { discovered, versionsOf } from "../../host-checks/discovery.ts";
import { discoveryScript } from "../../host-checks/script.ts";
import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import { engineOf } from "../../hosts/engine.ts";
import { runScript } from "../../hosts/script.ts";
import { plan as makePlan } from "../../planning/make-plan.ts";
import { fingerprint } from "../../planning/ssh-options.ts";
import { unreachable } from "../../planning/unreachable.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { formatProblems } from "../../problems/problem.ts";
import { type Command, parseOptions } from "../command.ts";
import { hasProject, projectFiles, simulatedStack, writeFiles } from "../init/project.ts";
import { knownKey, type SshTarget, shownKey, sshTarget } from "../init/ssh-target.ts";
import { hostNames, type InitHost, stackFileText } from "../init/stack-file.ts";
import { planTable } from "../plan-table.ts";
import { complain, print } from "../print.ts";
import { withProgress } from "../progress.ts";
import { UserError } from "../user-error.ts";
import { parseYaml } from "../yaml.ts";

const OPTIONS = {
  stack: { type: "string", default: "first" },
  "dry-run": { type: "boolean", default: false },
} as const;

export const init: Command = {
  summary: "ask hosts what they are, and write a stack file for them that plans; or begin a project",
  usage: `usage: ascend-pd init [USER@HOST...] [--stack NAME] [--dry-run]

Asks each host over SSH for its NPUs and their addresses, network interface, driver, Docker and architecture, and writes
stacks/Pulumi.NAME.yaml: prefill on the first half, decode on the second, for vllm-ascend. What no host can say (image,
weights, lengths) is marked TODO. The file plans as it is, so that a preview can follow at once. Only reads on hosts.

Where there is no project, Pulumi.yaml, package.json and a program, index.ts, are written too. Without hosts, a new project's
stack is a simulated one, which runs on any machine with a Docker Engine.

USER@HOST is as ssh takes it, with your ssh configuration; HOST:PORT where sshd listens elsewhere, with an IPv6 address in
brackets. A host key is pinned that your known_hosts has; of another host the key's fingerprint is shown, and you are asked.

  --stack NAME  what the stack is called (first); the file must not be there
  --dry-run     print the file instead

examples:
  ascend-pd init root@10.0.0.18 root@10.0.0.19 --stack prod
  ascend-pd init root@host-a --dry-run
  npx ascend-pd pulumi stack select --create prod && npx ascend-pd pulumi preview --stack prod
  npm install ../ascend-pd-0.1.0.tgz && npx ascend-pd init && npm install

exit codes: 0 written, 1 a host does not answer or its key is not accepted, 2 the command line is wrong, there are too few
NPUs, or what was written does not plan yet`,
  options: OPTIONS,
  async run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const { stack, "dry-run": isDryRun } = values;
    const isNew = !hasProject(".");
    if (positionals.length === 0 && !isNew)
      throw new UserError("USER@HOST is missing\nfix: name the hosts, e.g. root@10.0.0.18");
    if (!/^[\w.-]{1,100}$/.test(stack))
      throw new UserError(`--stack ${stack} is no name\nfix: letters, digits, ., - and _`);
    const file = `stacks/Pulumi.${stack}.yaml`;
    if (!isDryRun && existsSync(file)) {
      throw new UserError(`${file} is there already\nfix: give another name as --stack, or --dry-run`);
    }
    const project = isNew ? projectFiles(process.cwd()) : new Map<string, string>();
    const targets = await Promise.all(positionals.map(sshTarget));
    const keys: string[] = [];
    // One question at a time.
    for (const target of targets) keys.push(await acceptedKey(target));
    const names = hostNames(positionals);
    const wanted = targets.map(({ docker }, index) => ({
      name: names[index] ?? "",
      docker,
      hostKey: keys[index] ?? "",
    }));
    const hosts = await withProgress(
      () => `asking ${wanted.map(({ name }) => name).join(", ")}`,
      () => mapAtOnce(wanted, hostsAtOnce, askHost),
    );
    for (const { name, seen } of hosts) {
      for (const note of seen.notes) complain(`note: ${name}: ${note}`);
    }
    const text =
      hosts.length === 0 ? simulatedStack() : stackFileText(hosts, `ascend-pd init ${positionals.join(" ")}`);
    const planned = planOf(stack, text);
    if ("problems" in planned) {
      complain(formatProblems(file, planned.problems));
      complain("note: it does not plan yet: mend what is said above");
    }
    if (isDryRun) print(text.trimEnd());
    else {
      writeFiles(".", new Map([...project, [file, text]]));
      if ("plan" in planned) print(planTable(planned.plan));
      const steps = [
        ...(text.includes("TODO") ? ["fill in what is marked TODO"] : []),
        ...(isNew ? ["npm install"] : []),
        `npx ascend-pd pulumi stack select --create ${stack}`,
        `npx ascend-pd pulumi preview --stack ${stack}`,
      ];
      print(`\nwrote ${[...project.keys(), file].join(", ")}; next:\n  ${steps.join("\n  ")}`);
    }
    return "plan" in planned ? 0 : 2;
  },
};

/** As `ascend-pd plan` will read it. */
function planOf(stack: string, text: string): ReturnType<typeof makePlan> {
  const parsed = parseYaml(Buffer.from(text));
  if (!("value" in parsed)) throw new Error(`init wrote YAML that cannot be read: ${parsed.mistake.message}`);
  return makePlan(stack, Object(parsed.value).config["ascend-pd:deployment"]);
}

/** The host's key, by known_hosts or by the user's word. */
async function acceptedKey(target: SshTarget): Promise<string> {
  const known = await knownKey(target);
  if (known !== undefined) {
    complain(`${target.known}: ${fingerprint(known)}, by your known_hosts`);
    return known;
  }
  const shown = await shownKey(target);
  if (shown === undefined) {
    throw new FixableError(
      `${target.known} shows no host key`,
      `make \`ssh ${target.docker}\` work from here`,
    );
  }
  complain(`${target.known}: ${fingerprint(shown)}, which your known_hosts does not have`);
  if (process.stdin.isTTY && process.stderr.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const said = await terminal.question(
      `Pin this key (compare it on the host's console: ssh-keygen -lf)? yes or no: `,
    );
    terminal.close();
    if (said.trim().toLowerCase() === "yes") return shown;
  }
  throw new FixableError(
    `the key of ${target.known} is not accepted`,
    `log in once with \`ssh ${target.docker}\`, which asks whether it is the right one, or run this on a terminal`,
  );
}

async function askHost(host: { name: string; docker: string; hostKey: string }): Promise<InitHost> {
  const { output, failure } = await runScript(engineOf({ ...host, address: "" }), discoveryScript());
  const seen = discovered(output);
  if (failure !== undefined || seen.address === undefined) {
    const why = failure ?? "its answer does not say at which address it was reached";
    const { seen: message, fix } = unreachable({ ...host, address: "" }, "no command runs", host.docker, why);
    throw new FixableError(`${host.name}: ${message}`, fix);
  }
  return { ...host, seen, versions: versionsOf(output) };
}
