import { repeated } from "../../problems/repeated.ts";
import type { Rule } from "./rule.ts";

export const nodesDistinct: Rule = {
  code: "PD183",
  severity: "error",
  title: "a host is a node of its own (Kubernetes)",
  why: "Pods of both would wait for the NPUs of one node.",
  source: "Kubernetes, label `kubernetes.io/hostname`",
  check: ({ file, hosts }) => {
    if (file.target === undefined) return [];
    return repeated(hosts, ({ name, node }) => node ?? name).map(([{ name, node }, first]) => ({
      path: `hosts.${name}.node`,
      message: `${node ?? name} is already that of ${first.name}`,
      fix: `put in that of ${name}, as \`kubectl get nodes\` prints it`,
    }));
  },
};
