import type { HostPlan, Plan } from "../../planning/plan.ts";

/** For whoever runs what is rendered for one host: with which others, where an instance is over them. */
export function together({ containers }: Plan, host: HostPlan): string[] {
  const own = containers.filter((one) => one.host === host.name).flatMap(({ member }) => member?.of ?? []);
  return own.map((head) => {
    const hosts = containers.filter(({ member }) => member?.of === head).map((one) => one.host);
    return `${head} answers when it runs on all its hosts, so bring them up at the same time: ${hosts.join(", ")}.`;
  });
}
