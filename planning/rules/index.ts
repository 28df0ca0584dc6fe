import type { Problem } from "../plan.ts";
import type { Topology } from "../topology.ts";
import { batchHoldsARequest } from "./batch-holds-a-request.ts";
import { deviceIpKnown } from "./device-ip-known.ts";
import { deviceIpUsable } from "./device-ip-usable.ts";
import { deviceIpsDistinct } from "./device-ips-distinct.ts";
import { dockerEndpointsDistinct } from "./docker-endpoints-distinct.ts";
import { equalDeviceCountsAcrossRoles } from "./equal-device-counts-across-roles.ts";
import { equalDeviceCountsInRole } from "./equal-device-counts-in-role.ts";
import { hostAddressReachable } from "./host-address-reachable.ts";
import { hostAddressesDistinct } from "./host-addresses-distinct.ts";
import { hostExists } from "./host-exists.ts";
import { modelInWorkDir } from "./model-in-work-dir.ts";
import { npuExists } from "./npu-exists.ts";
import { npuUsedOnce } from "./npu-used-once.ts";
import { portNotReserved } from "./port-not-reserved.ts";
import { portUsedOnce } from "./port-used-once.ts";
import { rolePortsDiffer } from "./role-ports-differ.ts";
import type { Rule } from "./rule.ts";
import { sshHostKeyPinned } from "./ssh-host-key-pinned.ts";
import { stackNameFitsDocker } from "./stack-name-fits-docker.ts";
import { workDirBesideHome } from "./work-dir-beside-home.ts";
import { workDirBesideMounts } from "./work-dir-beside-mounts.ts";
import { workDirPaths } from "./work-dir-paths.ts";

/** Every rule, in the order of the codes, in which problems are shown. A new rule is a file and a line here. */
export const rules: readonly Rule[] = [
  stackNameFitsDocker,
  hostExists,
  npuUsedOnce,
  npuExists,
  equalDeviceCountsInRole,
  equalDeviceCountsAcrossRoles,
  portUsedOnce,
  portNotReserved,
  rolePortsDiffer,
  hostAddressReachable,
  hostAddressesDistinct,
  deviceIpKnown,
  deviceIpsDistinct,
  deviceIpUsable,
  batchHoldsARequest,
  workDirPaths,
  workDirBesideHome,
  workDirBesideMounts,
  modelInWorkDir,
  sshHostKeyPinned,
  dockerEndpointsDistinct,
];

/** Everything that `topology` breaks and its stack file does not allow. */
export function applyRules(topology: Topology): Problem[] {
  const allowed: readonly string[] = topology.file.allow;
  return rules
    .filter(({ code }) => !allowed.includes(code))
    .flatMap(({ code, severity, waivable, check }) =>
      check(topology).map(({ path, message, fix }) => {
        const waiver = waivable ? `; if this is meant, add ${code} to \`allow\`` : "";
        return { code, severity, path, message, fix: `${fix}${waiver}` };
      }),
    );
}
