import { contains } from "../../planning/container/absolute-path.ts";
import { hostMounts } from "../host-mounts.ts";
import { dataFolders, engineMounts } from "../mountable.ts";
import { resourcePolicy } from "../resource-policy.ts";

/** Where programs keep credentials, or take orders, also in a folder for data. */
const tellsOfSecrets = /^(\..+|docker|containerd?s?|kubelet|k3s|podman|crio|.*\.sock(et)?)$/i;

/** Also read-only a mount can give the host away: a socket takes orders all the same, and keys need only be read. */
export const noSensitiveMount = resourcePolicy(
  {
    name: "no-sensitive-mount",
    description: `Of the host nothing is mounted, read-only or not, but what lies in ${dataFolders.join(" or ")} and what engines need of driver and system; and there no socket, no folder of Docker's and none with a dot.`,
    remediationSteps: `keep what the container needs in ${dataFolders[0]}, e.g. /data/models, or list its folder in the configuration of this policy; device nodes belong in \`devices\`, shared memory in \`shmSize\``,
    lists: {
      folders: "more folders for data alone, in which everything may be mounted, e.g. /mnt/models",
      paths:
        "more folders or files that may be mounted, themselves and nothing in them, e.g. /etc/pki/ca.pem",
    },
  },
  (resource, also) =>
    hostMounts(resource).flatMap((mount) => {
      if ("unclear" in mount) return [`mounts ${mount.unclear}, of which nobody can tell what it leads to`];
      const { source } = mount;
      const exact = [...engineMounts.map((one) => one.source), ...also.paths, ...also.folders];
      if (exact.includes(source)) return [];
      const folder = [...dataFolders, ...also.folders].find((one) => contains(one, source));
      if (folder === undefined)
        return [`mounts ${source} of the host, which is none of the folders for data`];
      const name = source
        .slice(folder.length)
        .split("/")
        .find((one) => tellsOfSecrets.test(one));
      return name === undefined ? [] : [`mounts ${source} of the host, and ${name} may hold its keys`];
    }),
);
