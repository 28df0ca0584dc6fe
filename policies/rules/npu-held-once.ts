import type { PolicyResource, StackValidationPolicy } from "@pulumi/policy";

const npuNode = /^\/dev\/davinci\d+$/;

/** Two containers on one NPU: the second cannot use it, and often breaks the first. */
export const npuHeldOnce: StackValidationPolicy = {
  name: "npu-held-once",
  description: "No NPU of a host is given to two containers.",
  validateStack: ({ resources }, reportViolation) => {
    const holders = new Map<string, string>();
    for (const container of resources.filter(({ type }) => type === "docker:index/container:Container")) {
      for (const { hostPath } of (container.props.devices ?? []) as { hostPath: string }[]) {
        if (!npuNode.test(hostPath)) continue;
        const npu = `${hostPath} of ${hostOf(container)}`;
        const holder = holders.get(npu);
        if (holder !== undefined) {
          reportViolation(`${npu} is given to ${holder} and to ${container.name}`, container.urn);
        }
        holders.set(npu, container.name);
      }
    }
  },
};

/** Containers share a host when they share a provider. */
function hostOf(container: PolicyResource): string {
  return container.provider?.name ?? "the default engine";
}
