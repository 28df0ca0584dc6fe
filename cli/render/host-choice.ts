import type { HostPlan, Plan } from "../../planning/plan.ts";
import { UserError } from "../user-error.ts";

/** The host to render for: the one that `name` names, or the only one on which something runs. */
export function chosenHost(plan: Plan, name: string | undefined): HostPlan {
  const used = plan.hosts.filter((host) => plan.containers.some((container) => container.host === host.name));
  const [chosen, ...others] = name === undefined ? used : used.filter((host) => host.name === name);
  if (chosen !== undefined && others.length === 0) return chosen;
  const names = used.map((host) => host.name).join(", ");
  throw new UserError(
    name === undefined
      ? `${plan.stack} runs on ${used.length} hosts, and each needs a file of its own\nfix: --host and one of: ${names}`
      : `nothing of ${plan.stack} runs on a host ${name}\nfix: --host and one of: ${names}`,
  );
}
