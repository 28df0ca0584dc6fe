import { includes } from "../engines/port-range.ts";
import { freePort, kubernetesPorts, listeners } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const portsNotKubernetes: Rule = {
  code: "PD189",
  severity: "error",
  title: "a port is none of Kubernetes' own (Kubernetes)",
  why: "Instances share their node's network, where these are taken, or lead to a Service of type NodePort.",
  source: "Kubernetes: ports and protocols; --service-node-port-range",
  check: (topology) => {
    if (topology.file.target === undefined) return [];
    const free = freePort(topology);
    return listeners(topology)
      .filter(({ host }) => Object.hasOwn(topology.file.hosts, host))
      .flatMap(({ path, host, port }) => {
        const taken = kubernetesPorts.find((range) => includes(range, port));
        if (taken === undefined) return [];
        return [{ path, message: `port ${port} on ${host} is one of ${taken.owner}`, fix: free(port) }];
      });
  },
};
