import { engineName } from "../docker/answers.ts";
import { unreachable } from "../planning/unreachable.ts";
import { failed, type HostCheck, ok, unseen } from "./check.ts";

export const commandsRun: HostCheck = {
  code: "HC101",
  severity: "error",
  title: "a command runs on the host, over the connection that `pulumi up` uses",
  why: "Whatever is checked on the host itself, and the check of an instance's NPUs before it starts, needs that.",
  source: "docs/hosts.md, what a host needs",
  check: ({ wanted, report, reached }) => {
    const { docker } = wanted;
    if (report.failure === undefined) return ok(docker?.startsWith("ssh://") ? docker : "on this machine");
    if (reached) return unseen(report.failure);
    // An account that may not log in is told so on standard output.
    const reason = [report.failure, report.output.trim().slice(0, 200)].filter(Boolean).join("; ");
    const { seen, fix } = unreachable(wanted, "no command runs", docker ?? "what DOCKER_HOST names", reason);
    return failed(seen, fix);
  },
};

export const engineAnswers: HostCheck = {
  code: "HC102",
  severity: "error",
  title: "the Docker Engine answers",
  why: "Everything that `pulumi up` makes on a host, it makes through that engine.",
  source: "docs/hosts.md, what a host needs",
  check: ({ wanted, engine, reached }) => {
    if ("value" in engine) return ok(engineName(engine.value.version));
    if (!reached) return unseen("the host was not reached");
    const at = wanted.docker ?? "what DOCKER_HOST names";
    const { seen, fix } = unreachable(wanted, "no Docker Engine answers", at, engine.unreadable);
    return failed(seen, fix);
  },
};
