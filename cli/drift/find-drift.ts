import { type Container, nameOf } from "../../docker/answers.ts";
import { holdersOf } from "../../host-checks/holders.ts";
import { isOf } from "../../planning/container/settings.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import type { Compared, HostAnswer } from "./compared.ts";
import { bounded, type Finding } from "./finding.ts";
import { npuFindings } from "./npus.ts";
import { plannedContainer } from "./planned-container.ts";
import * as remedies from "./remedies.ts";

/** Where a host differs from the Plan, containers in the Plan's order. */
export function findDrift(compared: Compared, host: HostPlan, answer: HostAnswer): Finding[] {
  const { plan } = compared;
  const planned = plan.containers.filter((container) => container.host === host.name);
  const pairs = planned.map((container) => [container, standIn(container, plan, answer.containers)] as const);
  const paired = new Set(pairs.map(([, container]) => container?.Id));
  const others = answer.containers.filter(({ Id }) => !paired.has(Id));
  return [
    ...pairs.flatMap(([container, there]) => plannedContainer(compared, host, answer, container, there)),
    ...others.flatMap((other) =>
      isOf(plan.stack, other.Config.Labels) ? leftOver(compared, host, other) : holder(planned, host, other),
    ),
    ...npuFindings(plan, host, answer),
  ].map(bounded);
}

/** The container that stands for a planned one: by its name, else the one that was renamed. */
export function standIn(
  { name, env }: ContainerPlan,
  { stack, containers }: Plan,
  there: readonly Container[],
): Container | undefined {
  const names = new Set(containers.map((container) => container.name));
  const table = `RANK_TABLE_FILE_PATH=${env.RANK_TABLE_FILE_PATH}`;
  return (
    there.find((container) => nameOf(container) === name) ??
    there.find(
      (one) => isOf(stack, one.Config.Labels) && !names.has(nameOf(one)) && one.Config.Env.includes(table),
    )
  );
}

/** A container with our label that the Plan does not have here. */
function leftOver({ plan, deployed }: Compared, host: HostPlan, other: Container): Finding[] {
  const name = nameOf(other);
  const isPulumis = deployed?.get(name)?.id === other.Id;
  // Its host changed, which is told there.
  if (isPulumis && plan.containers.some((container) => container.name === name)) return [];
  return [
    {
      kind: isPulumis ? "not-brought-up" : "unplanned",
      host: host.name,
      container: name,
      differences: [{ what: "container", planned: "none", there: other.State.Status }],
      remedy: isPulumis ? remedies.up(plan.stack) : remedies.docker(host, "rm", "--force", name),
    },
  ];
}

function holder(planned: readonly ContainerPlan[], host: HostPlan, other: Container): Finding[] {
  const name = nameOf(other);
  const differences = planned.flatMap((container) => {
    const nodes = container.devices.map(({ hostPath }) => hostPath);
    return holdersOf(nodes, [other])
      .flatMap((one) => one.nodes)
      .map((node) => ({ what: node, planned: container.name, there: `${name} holds it too` }));
  });
  if (differences.length === 0) return [];
  const remedy = remedies.docker(host, "stop", name);
  return [{ kind: "npus-held", host: host.name, container: name, differences, remedy }];
}
