import { isNpuNode, managerNodes } from "../../planning/engines/devices.ts";
import { containerPolicy } from "../container-policy.ts";

const isAscendNode = (path: string): boolean => isNpuNode(path) || managerNodes.includes(path);

/**
 * What a plan can give: NPUs and manager nodes, each under its own name (rank tables hold physical ids), and
 * /dev/null in place of one, for the simulator. Which NPUs a plan has given is for `npu-held-once` to guard.
 */
export const onlyPlannedDevices = containerPolicy(
  {
    name: "only-planned-devices",
    description:
      "Containers get only /dev/davinciN, the three manager nodes, or /dev/null in place of one, each under its own name and with rwm.",
    remediationSteps:
      "list the container's own NPUs and the manager nodes in `devices`, and nothing beside that list",
  },
  ({ devices, deviceCgroupRules, deviceRequests, gpus, runtime }) => [
    ...(devices ?? []).flatMap(({ hostPath = "", containerPath = hostPath, permissions = "rwm" }) => {
      if (!isAscendNode(hostPath) && !(hostPath === "/dev/null" && isAscendNode(containerPath)))
        return [`is given ${hostPath}`];
      if (hostPath !== "/dev/null" && hostPath !== containerPath)
        return [`sees ${hostPath} as ${containerPath}`];
      return permissions === "rwm" ? [] : [`has ${hostPath} with ${permissions}; the driver needs rwm`];
    }),
    ...(deviceCgroupRules ?? []).map((rule) => `is given devices by a rule: ${rule}`),
    ...(gpus || deviceRequests?.length ? ["is given devices by request"] : []),
    // It adds whatever the variable ASCEND_VISIBLE_DEVICES names.
    ...(runtime === "ascend" ? ["is given devices by the runtime ascend"] : []),
  ],
);
