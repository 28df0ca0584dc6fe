import type { AdminProblem } from "../../hosts/administration.ts";
import { type Command, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { actions, type Settings } from "../scheduler/actions.ts";
import { type AdminAddress, askScheduler } from "../scheduler/admin.ts";
import { askStackScheduler, knownAs, type StackScheduler, stackScheduler } from "../scheduler/of-stack.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = {
  stack: { type: "string" },
  socket: { type: "string" },
  port: { type: "string" },
  deadline: { type: "string" },
  force: { type: "boolean" },
  "node-ports": { type: "string" },
  json: { type: "boolean" },
} as const;

type Values = Partial<Record<"stack" | "socket" | "port", string>> & Settings;

export const scheduler: Command = {
  summary: "see, drain, join and reload the instances of a running scheduler",
  usage: `usage: ascend-pd scheduler ACTION (--stack STACK | --socket PATH | --port PORT) [OPTIONS]

Administers the scheduler of a stack, from wherever \`pulumi up\` works and in the same way: from inside its container,
through the Docker Engine of its host, over SSH where that is how the host is reached. Or one that was started with
--admin-socket or --admin-port, on its host.

  state            print the instances: what they do, and whether they get requests
  drain INSTANCE   send it nothing new; return when nothing needs it any more, or at the deadline
  join INSTANCE    send it requests again; return when it is healthy, or at the deadline
  reload           read the rank tables and NODE_PORTS again: new instances join, others drain and leave

INSTANCE is a name that \`state\` shows, which is the stack file's, an address, or with --stack the name of a container.

  --stack STACK         the scheduler of stacks/Pulumi.STACK.yaml
  --socket PATH         the scheduler's --admin-socket
  --port PORT           the scheduler's --admin-port
  --deadline SECONDS    for drain and join (the scheduler's --drain-timeout)
  --force               drain: also the last instance of its role that gets requests
  --node-ports PORTS    reload, not of a stack: NODE_PORTS from now on
  --json                print the scheduler's answer, {"error"} included, as it is

A drain or join that is interrupted goes on: a drained instance gets nothing new until it is joined.

examples:
  ascend-pd scheduler state --stack 2p2d
  ascend-pd scheduler drain 2p2d-decode-0 --stack 2p2d --deadline 300 && docker restart 2p2d-decode-0
  ascend-pd scheduler join 2p2d-decode-0 --stack 2p2d --deadline 600
  ascend-pd scheduler reload --port 9001 --node-ports 8088,8089,8090

exit codes: 0 done, 1 not done (the deadline, a refusal, no scheduler there), 2 the command line or the stack file is
wrong`,
  options: OPTIONS,
  operands: [Object.keys(actions)],
  async run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [name, instance, ...others] = positionals;
    const action = name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (name === undefined || action === undefined) {
      throw new UserError(`${name ?? "ACTION"} is no action\nfix: one of ${Object.keys(actions).join(", ")}`);
    }
    if (action.takesInstance !== (instance !== undefined) || others.length > 0) {
      const wanted = action.takesInstance ? "takes one INSTANCE" : "takes no operand";
      throw new UserError(`${name} ${wanted}\nfix: --help shows how it is used`);
    }
    for (const option of ["deadline", "force", "node-ports"] as const) {
      if (values[option] !== undefined && !action.options.includes(option)) {
        throw new UserError(`--${option} is not for ${name}\nfix: leave it out`);
      }
    }
    const at = addressOf(values);
    const body = action.body?.(values, "stack" in at ? knownAs(at, instance ?? "") : (instance ?? ""));
    const answer = await ("stack" in at
      ? askStackScheduler(at, `/${name}`, body)
      : askScheduler(at, `/${name}`, body));
    if (!answer.done) {
      if (values.json) print(JSON.stringify({ error: answer.problem }, undefined, 2));
      else complain(problemText(answer.problem));
      return 1;
    }
    const [text, done] = action.told(answer.body as never);
    print(values.json ? JSON.stringify(answer.body, undefined, 2) : text);
    return done ? 0 : 1;
  },
};

function addressOf(values: Values): AdminAddress | StackScheduler {
  const { stack, socket, port } = values;
  const given = (["stack", "socket", "port"] as const).filter((name) => values[name] !== undefined);
  if (given.length === 0) {
    throw new UserError(
      "where is the scheduler?\n" +
        "fix: name its stack as --stack, or give its --admin-socket as --socket or its --admin-port as --port",
    );
  }
  if (given.length > 1)
    throw new UserError(`--${given.join(" and --")} may be different schedulers\nfix: give one of them`);
  if (stack !== undefined) {
    if (values["node-ports"] === undefined) return stackScheduler(stack);
    throw new UserError(
      "--node-ports is not for --stack\nfix: change the ports in the stack file, and run `pulumi up`",
    );
  }
  if (socket !== undefined) return { socketPath: socket };
  const number = /^[0-9]{1,5}$/.test(port ?? "") ? Number(port) : 0;
  if (number < 1 || number > 65_535) throw new UserError(`--port is ${port}\nfix: give 1 to 65535`);
  return { port: number };
}

function problemText({ message, fix, problems = [] }: AdminProblem): string {
  const details = problems.map((one) => `  ${one.message}\n    fix: ${one.fix}\n`).join("");
  return `error: ${message}\n${details}fix: ${fix}`;
}
