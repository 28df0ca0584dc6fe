import { contains } from "../../planning/container/absolute-path.ts";
import { mountPolicy } from "../host-mounts.ts";

const systemFolders = ["/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/sys", "/usr"];

/**
 * Ascend engines read the driver, npu-smi, /etc/localtime and /sys/fs/cgroup of the host; one that can write them
 * can change what root runs there. `docker run -v` mounts them for writing unless `:ro` is added.
 */
export const systemMountsReadOnly = mountPolicy(
  {
    name: "system-mounts-read-only",
    description: `What lies in ${systemFolders.join(", ")} is mounted read-only.`,
    remediationSteps:
      "set `readOnly: true` on the mount; keep what is written elsewhere, e.g. in /data or /var/log",
  },
  ({ source, readOnly }) =>
    !readOnly && systemFolders.some((folder) => contains(folder, source)) ? " for writing" : undefined,
);
