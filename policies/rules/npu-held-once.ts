import type { PolicyResource } from "@pulumi/policy";
import { isNpuNode } from "../../planning/engines/devices.ts";
import type { ContainerInputs } from "../container-policy.ts";
import { known } from "../known.ts";
import type { StackPolicy } from "../policy.ts";

/** Two containers on one NPU: the second cannot use it, and often breaks the first. */
export const npuHeldOnce: StackPolicy = {
  name: "npu-held-once",
  description: "No NPU of a host is given to two containers.",
  remediationSteps: "give one of the two containers another NPU of the host",
  validateStack: ({ resources }, reportViolation) => {
    const holders = new Map<string, PolicyResource>();
    for (const container of resources.filter(({ type }) => type === "docker:index/container:Container")) {
      const { devices } = known(container.props as ContainerInputs);
      for (const { hostPath = "" } of devices ?? []) {
        if (!isNpuNode(hostPath)) continue;
        const npu = `${hostPath} of ${endpointOf(container)}`;
        const holder = holders.get(npu);
        if (holder !== undefined && holder.urn !== container.urn) {
          reportViolation(`${npu} is given to ${holder.name} and to ${container.name}`, container.urn);
        }
        holders.set(npu, container);
      }
    }
  },
};

/** Containers share a host when their providers, whatever they are called, speak to the same endpoint. */
function endpointOf({ provider }: PolicyResource): string {
  return known(provider?.props ?? {}).host ?? "the default engine";
}
