import { existsSync, readdirSync } from "node:fs";
import type { FilePlan, HostPlan, Plan } from "../../planning/plan.ts";
import { formatProblems } from "../../problems/problem.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { dockerStack, plannedStack } from "../planned-stack.ts";
import { complain, print } from "../print.ts";
import { showFiles, writeFiles } from "../ranktable/write-files.ts";
import { compose } from "../render/compose.ts";
import { dockerRun } from "../render/docker-run.ts";
import { chosenHost } from "../render/host-choice.ts";
import { kubernetesFiles, kubernetesManifest } from "../render/kubernetes.ts";
import { monitoringOf } from "../render/monitoring.ts";
import { UserError } from "../user-error.ts";

/** What is printed for one host. */
const ofHosts: Readonly<Record<string, (plan: Plan, host: HostPlan) => string>> = {
  "docker-run": dockerRun,
  compose,
};
const targets = [...Object.keys(ofHosts), "kubernetes", "monitoring"];

const OPTIONS = {
  host: { type: "string" },
  out: { type: "string" },
  kustomize: { type: "boolean", default: false },
  form: { type: "string" },
} as const;

export const render: Command = {
  summary:
    "print the commands, a Compose file or Kubernetes manifests that stand for a stack, or what a Prometheus needs",
  usage: `usage: ascend-pd render docker-run|compose STACK [--host NAME]
       ascend-pd render kubernetes STACK [--form FORM] [--out FOLDER [--kustomize]]
       ascend-pd render monitoring STACK [--out FOLDER]

Prints what \`pulumi up\` would do on a host, for those who want to read it or to do it by other means, or the objects that
a Kubernetes cluster takes for a stack with a \`target\` in its file. Starts nothing and asks no host.

targets:
  docker-run   a shell script with the manual's steps: docker commands, start order, waiting, a first completion
  compose      a file for Docker Compose 2.23.1 or later
  kubernetes   manifests for \`kubectl apply\`, in the order in which they are applied
  monitoring   files for your own Prometheus and Grafana: scrape configuration, alert rules, dashboards

  --host NAME   which host's; needless where all of the stack runs on one
  --form FORM   plain, infer-service-set or model-serving in place of the stack file's \`target.form\`
  --out FOLDER  write a file for each instance into a folder instead of printing all; where those of
                \`monitoring\` go (monitoring-STACK)
  --kustomize   make that folder a Kustomize base

examples:
  ascend-pd render docker-run 1p1d | less
  ascend-pd render docker-run 2p2d-two-hosts --host host-b | ssh root@10.0.0.19 sh
  ascend-pd render compose 1p1d > compose.yaml
  ascend-pd render kubernetes k8s-sim-1p1d | kubectl apply --server-side --field-manager=ascend-pd --filename -
  ascend-pd render monitoring 2p2d --out /etc/prometheus/2p2d

exit codes: 0 printed or written, 2 the stack cannot work or the command line is wrong`,
  options: OPTIONS,
  operands: [targets, "stack"],
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [target = "", ...operands] = positionals;
    if (!targets.includes(target)) {
      throw new UserError(`there is no target "${target}"\nfix: one of: ${targets.join(", ")}`);
    }
    const stack = oneOperand(operands, "STACK");
    if (target === "kubernetes") return ofCluster(stack, values);
    return target === "monitoring" ? ofMonitoring(stack, values) : ofHost(target, stack, values);
  },
};

interface Options {
  readonly host?: string;
  readonly out?: string;
  readonly kustomize: boolean;
  readonly form?: string;
}

function ofHost(target: string, stack: string, { host, out, kustomize, form }: Options): number {
  if (out !== undefined || kustomize || form !== undefined) {
    throw new UserError(
      `--form, --out and --kustomize are for kubernetes\nfix: ascend-pd render ${target} ${stack} > FILE`,
    );
  }
  const { where, plan, warnings } = dockerStack(stack);
  if (warnings.length > 0) complain(formatProblems(where, warnings));
  process.stdout.write(ofHosts[target]?.(plan, chosenHost(plan, host)) ?? "");
  return 0;
}

function ofCluster(stack: string, { host, out, kustomize, form }: Options): number {
  if (host !== undefined) {
    throw new UserError(
      "--host is for docker-run and compose\nfix: leave it out: a cluster's manifests are one",
    );
  }
  if (kustomize && out === undefined) {
    throw new UserError("--kustomize makes a folder a base\nfix: --out and the folder");
  }
  const { where, plan, warnings } = plannedStack(stack, (deployment) => withForm(deployment, form));
  const { kubernetes } = plan;
  if (kubernetes === undefined) {
    throw new UserError(
      `${where}: its containers are for the Docker Engines of its hosts\n` +
        "fix: give it a target, e.g. { kind: kubernetes, namespace: pd, registry: registry.example.com/pd }; docs/kubernetes.md says more",
    );
  }
  if (warnings.length > 0) complain(formatProblems(where, warnings));
  const cluster = { ...plan, kubernetes };
  if (out === undefined) process.stdout.write(kubernetesManifest(cluster));
  else {
    const files = kubernetesFiles(cluster, kustomize);
    refuseOthers(out, files);
    writeFiles(out, files);
  }
  return 0;
}

/** Files for another Prometheus and Grafana than the stack's own. */
function ofMonitoring(stack: string, { host, out, kustomize, form }: Options): number {
  if (host !== undefined || kustomize || form !== undefined) {
    throw new UserError(`--host, --form and --kustomize are not for monitoring\nfix: leave them out`);
  }
  const planned = dockerStack(stack);
  const { where, warnings } = planned;
  if (warnings.length > 0) complain(formatProblems(where, warnings));
  const folder = out ?? `monitoring-${stack}`;
  const { files, notes } = monitoringOf(planned);
  for (const note of notes) complain(`${where}: ${note}`);
  writeFiles(folder, files);
  print(showFiles(folder, files, false));
  return 0;
}

/** A manifest of an instance that is no more would be applied with the others. */
function refuseOthers(folder: string, files: readonly FilePlan[]): void {
  if (!existsSync(folder)) return;
  const others = readdirSync(folder).filter(
    (name) => /\.(ya?ml|json)$/.test(name) && !files.some(({ path }) => path === name),
  );
  if (others.length === 0) return;
  throw new UserError(
    `${folder} has ${others.join(", ")}, which \`kubectl\` would apply too\nfix: remove what is left from before, or name a new folder`,
  );
}

/** What is wrong with the form, the stack file's schema says. */
function withForm(deployment: unknown, form: string | undefined): unknown {
  const { target } = Object(deployment);
  return form === undefined || target === undefined
    ? deployment
    : { ...Object(deployment), target: { ...target, form } };
}
