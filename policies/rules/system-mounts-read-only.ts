import { contains } from "../../planning/container/absolute-path.ts";
import { hostMounts } from "../host-mounts.ts";
import { dataFolders, engineMounts } from "../mountable.ts";
import { resourcePolicy } from "../resource-policy.ts";

const writable = [
  ...dataFolders,
  ...engineMounts.filter(({ readOnly }) => !readOnly).map(({ source }) => source),
];

/**
 * Ascend engines read the driver, npu-smi, /etc/localtime and /sys/fs/cgroup of the host; one that can write them
 * can change what root runs there. `docker run -v` mounts them for writing unless `:ro` is added.
 */
export const systemMountsReadOnly = resourcePolicy(
  {
    name: "system-mounts-read-only",
    description: `What does not lie in ${writable.join(" or ")} is mounted read-only.`,
    remediationSteps: `set \`readOnly: true\` on the mount and keep what is written in ${dataFolders[0]}, or list its folder in the configuration of this policy`,
    lists: { folders: "more folders in which containers may write, e.g. /mnt/cache" },
  },
  (resource, also) =>
    hostMounts(resource).flatMap((mount) => {
      if ("unclear" in mount || mount.readOnly) return [];
      const isData = [...writable, ...also.folders].some((folder) => contains(folder, mount.source));
      return isData ? [] : [`mounts ${mount.source} of the host for writing`];
    }),
);
