import { holdersOf } from "../../host-checks/holders.ts";
import { type Ailment, npuAilments, npuAnswers } from "../../host-checks/npu-health.ts";
import { npuInfoOf } from "../../host-checks/npu-readings.ts";
import { healthOf } from "../../host-checks/tools/npu-smi-info.ts";
import { isOf } from "../../planning/container/settings.ts";
import { isNpuNode } from "../../planning/engines/devices.ts";
import { isHead } from "../../planning/layout.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";
import type { HostAnswer } from "./compared.ts";
import type { Finding } from "./finding.ts";
import * as remedies from "./remedies.ts";

/** NPUs of the host's own that a container gets; with the simulator there is none. */
export const npusOf = ({ devices }: ContainerPlan): number[] =>
  devices
    .map(({ hostPath }) => hostPath)
    .filter(isNpuNode)
    .map((node) => Number(node.replace("/dev/davinci", "")));

interface Ailing {
  readonly container: ContainerPlan;
  readonly npu: number;
  readonly ailment: Ailment;
}

/** What is not well with the NPUs of a host's instances, by what its tools said. */
function ailing({ containers }: Plan, host: HostPlan, { tools }: HostAnswer): Ailing[] {
  if (tools === undefined) return [];
  const said = npuAnswers(tools.output, tools.failure);
  const isAlone = containers.every((one) => one.host === host.name || npusOf(one).length === 0);
  return containers
    .filter((one) => one.host === host.name)
    .flatMap((container) =>
      npusOf(container).flatMap((npu) =>
        npuAilments(said, npu, isAlone).map((ailment) => ({ container, npu, ailment })),
      ),
    );
}

/** One finding an instance, with what to write to take it out, or to give it other NPUs. */
export function npuFindings(plan: Plan, host: HostPlan, answer: HostAnswer): Finding[] {
  const faults = ailing(plan, host, answer).filter(({ ailment }) => ailment.isFault);
  return [...Map.groupBy(faults, ({ container }) => container)].map(([container, ofIt]) => ({
    kind: "npu-fault",
    host: host.name,
    container: container.name,
    differences: ofIt.map(({ npu, ailment: { what, well, there } }) => ({
      what: `NPU ${npu} ${what}`,
      planned: well,
      there,
    })),
    remedy: ofIt.every(({ ailment }) => ailment.what === "npu-smi")
      ? `npx ascend-pd doctor ${word(plan.stack)} --host ${word(host.name)}`
      : wayOut(plan, host, answer, container, new Set(ofIt.map(({ npu }) => npu))),
  }));
}

function wayOut(
  plan: Plan,
  host: HostPlan,
  answer: HostAnswer,
  container: ContainerPlan,
  bad: ReadonlySet<number>,
): string {
  const { stack } = plan;
  const file = `stacks/Pulumi.${stack}.yaml`;
  const ofRole = plan.containers.filter((one) => one.role === container.role && isHead(one));
  const instance = `${container.role}[${ofRole.findIndex(({ name }) => name === (container.member?.of ?? container.name))}]`;
  const place = container.member ? `${instance}.hosts[${container.member.index}]` : instance;
  const then = `then ${remedies.up(stack)}`;
  const free = freeNpus(plan, host, answer);
  if (free.length >= bad.size) {
    const others = [...free];
    const devices = npusOf(container).map((npu) => (bad.has(npu) ? others.shift() : npu));
    return `in ${file} write devices: [${devices.join(", ")}] at ${place} (free on ${host.name}: ${free.join(", ")}), ${then}`;
  }
  if (ofRole.length > 1) return `take ${instance} out of ${file}, ${then}, which drains it first`;
  return `in ${file} give ${place}, the only ${container.role}, NPUs of another host, ${then}`;
}

/** NPUs that are well and that nobody has or may have. */
function freeNpus(
  { stack, containers }: Plan,
  host: HostPlan,
  { tools, containers: there }: HostAnswer,
): number[] {
  const info = npuInfoOf(npuAnswers(tools?.output ?? "", tools?.failure));
  const well = "value" in info ? info.value.devices.filter((one) => healthOf(one) === "ok") : [];
  const planned = new Set(containers.filter((one) => one.host === host.name).flatMap(npusOf));
  const others = there.filter(({ Config }) => !isOf(stack, Config.Labels));
  return well.flatMap(({ id, npu }) => {
    const isUsed = "value" in info && (info.value.processes ?? []).some((one) => one.npu === npu);
    if (id === undefined || planned.has(id) || isUsed) return [];
    return holdersOf([`/dev/davinci${id}`], others).length === 0 ? [id] : [];
  });
}

/** What is worth a word, and no drift: what NPUs and containers beside do not tell, or told of former days. */
export function notesOn(plan: Plan, host: HostPlan, answer: HostAnswer): string[] {
  const notes = ailing(plan, host, answer).filter(({ ailment }) => !ailment.isFault);
  // What all NPUs of a host have in common is told once.
  const grouped = Map.groupBy(notes, ({ ailment: { what, there } }) => `${what}: ${there}`);
  const nodes = plan.containers
    .filter((one) => one.host === host.name)
    .flatMap(npusOf)
    .map((npu) => `/dev/davinci${npu}`);
  const others = answer.containers.filter(({ Config }) => !isOf(plan.stack, Config.Labels));
  const unsure = holdersOf(nodes, others).filter(({ mayHold }) => mayHold.length > 0);
  return [
    ...[...grouped].map(([text, ofIt]) => {
      const names = [...new Set(ofIt.map(({ container }) => container.name))].join(", ");
      return `${host.name}: NPU ${ofIt.map(({ npu }) => npu).join(", ")} of ${names}: ${text}`;
    }),
    ...unsure.map(
      ({ name, why, mayHold }) =>
        `${host.name}: the container ${name} ${why}: it may hold ${mayHold.join(", ")}`,
    ),
  ];
}
