import { checkHosts, hostChecks } from "../../host-checks/index.ts";
import { wantedHosts } from "../../host-checks/wanted.ts";
import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import { look } from "../../hosts/look.ts";
import { faults } from "../../log-signatures/index.ts";
import { formatProblems } from "../../problems/problem.ts";
import { chosenHosts } from "../chosen-hosts.ts";
import { type Command, mistakesEndWith1, oneOperand, parseOptions } from "../command.ts";
import { examineLogs } from "../doctor/logs.ts";
import { hostTable } from "../doctor/show.ts";
import { dockerStack } from "../planned-stack.ts";
import { complain, print } from "../print.ts";
import { selectedStack } from "../selected-stack.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = {
  host: { type: "string", multiple: true, default: [] as string[] },
  skip: { type: "string", multiple: true, default: [] as string[] },
  json: { type: "boolean" },
  logs: { type: "boolean", default: false },
} as const;

export const doctor: Command = {
  summary: "look at the hosts of a stack, or at its logs: what keeps it from running there",
  usage: `usage: ascend-pd doctor STACK [--host NAME]... [--skip CODE=REASON]... [--json]
       ascend-pd doctor --logs [STACK] [--host NAME]... [--skip CODE=REASON]... [--json]

Checks every host of stacks/Pulumi.STACK.yaml, over the connection that \`pulumi up\` uses: device nodes, NPUs and who
holds them, their network, mounts, ports, images, the Docker Engine and the host itself. Only reads. docs/host-checks.md
has every check, with its reason and its source.

With --logs it reads what the stack's containers have written, those that ended and their earlier runs included, and names
what is known of it: cause, fix and source, the root first. It shows no line, only what it knows of one, and takes no word
of a prompt or an answer for the engine's. docs/log-signatures.md has every signature.

  --logs               look at logs in place of hosts; STACK is that which \`pulumi stack select\` has selected, where it
                       is left out
  --host NAME          only that host; may be given several times
  --skip CODE=REASON   leave out a check, for a reason, which is shown; may be given several times
  --json               print {"stack", "hosts": [{"host", "address", "results"}]}, with --logs {"stack", "instances":
                       [{"instance", "host", "state", "findings"} or {…, "unreadable"}]}; progress stays on stderr

A check's result is ok, error, warning, unseen (it could not be looked at: why), n/a (does not apply) or skipped.

examples:
  ascend-pd doctor 2p2d-two-hosts
  ascend-pd doctor 2p2d-two-hosts --host host-b --skip HC108='pulled by pulumi up'
  ascend-pd doctor --logs 2p2d-two-hosts
  ascend-pd doctor 1p1d --json | jq '.hosts[].results[] | select(.status == "error")'

exit codes: 0 no check fails with an error (warnings and unseen there may be), 2 one does, or a host does not answer;
with --logs 2 an error was found that is not past, or a log could not be read; 1 the command line or the stack file is
wrong`,
  options: OPTIONS,
  operands: ["stack"],
  run: mistakesEndWith1(examine),
};

async function examine(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(args, OPTIONS);
  const isSelected = values.logs && positionals.length === 0;
  const stack = isSelected ? await selectedStack() : oneOperand(positionals, "STACK");
  const known = values.logs ? logCodes : checkCodes;
  const skip = new Map(values.skip.map((option) => skipped(option, known)));
  const planned = dockerStack(stack);
  if (planned.warnings.length > 0) complain(formatProblems(planned.where, planned.warnings));
  if (values.logs) return examineLogs(planned.plan, values.host, skip, values.json === true);
  const hosts = chosenHosts(stack, wantedHosts(planned), values.host);

  const facts = await mapAtOnce(hosts, hostsAtOnce, async (host) => {
    complain(`${host.name}: asking ${host.docker ?? "this machine"}`);
    const seen = await look(host);
    complain(`${host.name}: ${seen.reached ? "has answered" : "does not answer"}`);
    return seen;
  });
  const results = checkHosts(facts, skip);

  const shown = hosts.flatMap((host, index) => {
    const one = results[index];
    return one === undefined ? [] : [{ host, one }];
  });
  if (values.json) {
    const json = shown.map(({ host: { address }, one }) => ({
      host: one.host,
      address,
      results: one.results,
    }));
    print(JSON.stringify({ stack, hosts: json }, undefined, 2));
  } else print(shown.map(({ host, one }) => hostTable(host, one)).join("\n\n"));
  return results.some((host) => host.results.some(({ status }) => status === "error")) ? 2 : 0;
}

const checkCodes = { codes: hostChecks.map(({ code }) => code), what: "check", page: "docs/host-checks.md" };
const logCodes = { codes: faults.map(({ code }) => code), what: "signature", page: "docs/log-signatures.md" };

function skipped(option: string, { codes, what, page }: typeof checkCodes): [code: string, reason: string] {
  const [, code = "", reason = ""] = /^([^=]*)=?(.*)$/s.exec(option) ?? [];
  if (!codes.includes(code)) {
    throw new UserError(`--skip ${option}: there is no ${what} ${code}\nfix: ${page} lists them`);
  }
  if (reason.trim() === "") {
    throw new UserError(
      `--skip ${option}: the reason is missing\nfix: say why, e.g. --skip ${code}='pulled by pulumi up'`,
    );
  }
  return [code, reason];
}
