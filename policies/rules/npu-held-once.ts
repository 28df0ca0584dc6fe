import type { PolicyResource, StackValidationPolicy } from "@pulumi/policy";

const npuNode = /^\/dev\/davinci\d+$/;

/** Two containers on one NPU: the second cannot use it, and often breaks the first. */
export const npuHeldOnce: StackValidationPolicy = {
  name: "npu-held-once",
  description: "No NPU of a host is given to two containers.",
  validateStack: ({ resources }, reportViolation) => {
    const holders = new Map<string, PolicyResource>();
    for (const container of resources.filter(({ type }) => type === "docker:index/container:Container")) {
      for (const { hostPath } of (container.props.devices ?? []) as { hostPath: string }[]) {
        if (!npuNode.test(hostPath)) continue;
        const npu = `${hostPath} of ${hostOf(container)}`;
        const holder = holders.get(npu);
        if (holder !== undefined && holder.urn !== container.urn) {
          reportViolation(`${npu} is given to ${holder.name} and to ${container.name}`, container.urn);
        }
        holders.set(npu, container);
      }
    }
  },
};

/** Containers share a host when they share a provider. */
function hostOf(container: PolicyResource): string {
  return container.provider?.name ?? "the default engine";
}
