import type { Rule } from "./rule.ts";

export const podsHaveNoUlimits: Rule = {
  code: "PD185",
  severity: "error",
  title: "no resource limits of processes are set (Kubernetes)",
  why: "A pod cannot say them; it has those of its node's container runtime.",
  source: "Kubernetes: the PodSpec has none; containerd: `LimitNOFILE` and the like of its systemd unit",
  check: ({ file, engine }) => {
    const set = Object.entries(engine.limits.ulimits).flatMap(([name, limit]) =>
      limit === undefined ? [] : [name],
    );
    if (file.target === undefined || set.length === 0) return [];
    const message = `a pod cannot set ${set.join(", ")}`;
    const fix = "remove it, and set it for the container runtime of the nodes";
    return [{ path: "engine.ulimits", message, fix }];
  },
};
