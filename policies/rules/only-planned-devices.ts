import { isNpuNode, managerNodes } from "../../planning/engines/devices.ts";
import { containerPolicy } from "../resource-policy.ts";

const isAscendNode = (path: string): boolean => isNpuNode(path) || managerNodes.includes(path);

/** Docker's own. Those of vendors add devices by what variables, annotations or a file of the host say. */
const ownRuntimes = ["", "runc"];

/** By them a vendor's runtime, which may be the engine's default one, gives devices; the exceptions choose among those there. */
const givesDevices =
  /^(?!(ASCEND_RT|CUDA|HIP|ROCR)_)\w+_VISIBLE_DEVICES$|^(ASCEND_(RUNTIME|VNPU|ALLOW_LINK)|NVIDIA_)/;

/**
 * What a plan can give: NPUs and manager nodes, each under its own name (rank tables hold physical ids), and
 * /dev/null in place of one, for the simulator. Which NPUs a plan has given is for `npu-held-once` to guard.
 */
export const onlyPlannedDevices = containerPolicy(
  {
    name: "only-planned-devices",
    description:
      "Containers get only /dev/davinciN, the three manager nodes, or /dev/null in place of one, each under its own name and with rwm, and no runtime but runc, which adds none.",
    remediationSteps:
      "list the container's own NPUs and the manager nodes in `devices`, and nothing beside that list; or list in the configuration of this policy what else is meant",
    lists: {
      devices: "more device nodes of the host, e.g. /dev/infiniband/uverbs0",
      runtimes: "more runtimes, e.g. crun",
      variables: "variables that runtimes give devices by, e.g. ASCEND_VISIBLE_DEVICES",
    },
  },
  ({ devices, deviceCgroupRules, deviceRequests, gpus, runtime = "", envs }, also) => [
    ...(devices ?? []).flatMap(({ hostPath, containerPath = hostPath, permissions = "rwm" }) => {
      if (hostPath === undefined || also.devices.includes(hostPath)) return [];
      if (!isAscendNode(hostPath) && !(hostPath === "/dev/null" && isAscendNode(containerPath ?? "")))
        return [`is given ${hostPath}`];
      if (hostPath !== "/dev/null" && hostPath !== containerPath)
        return [`sees ${hostPath} as ${containerPath}`];
      return permissions === "rwm" ? [] : [`has ${hostPath} with ${permissions}; the driver needs rwm`];
    }),
    ...(deviceCgroupRules ?? []).map((rule) => `is given devices by a rule: ${rule}`),
    ...(gpus || deviceRequests?.length ? ["is given devices by request"] : []),
    ...([...ownRuntimes, ...also.runtimes].includes(runtime)
      ? []
      : [`is given devices by the runtime ${runtime}`]),
    ...(envs ?? [])
      .map((entry) => /^([^=]*)=?(.*)$/s.exec(entry) ?? [])
      .filter(([, name = "", value = ""]) => givesDevices.test(name) && !["", "void"].includes(value))
      .filter(([, name = ""]) => !also.variables.includes(name))
      .map(([, name]) => `is given devices by the variable ${name}`),
  ],
);
