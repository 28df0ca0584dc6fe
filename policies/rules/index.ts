import type { ResourcePolicy, StackPolicy } from "../policy.ts";
import { hostNetworkWithReason } from "./host-network-with-reason.ts";
import { logsKeptOnHost } from "./logs-kept-on-host.ts";
import { noPrivilegedContainer } from "./no-privileged-container.ts";
import { noSecretInEnvironment } from "./no-secret-in-environment.ts";
import { noSensitiveMount } from "./no-sensitive-mount.ts";
import { npuHeldOnce } from "./npu-held-once.ts";
import { onlyKnownCommands } from "./only-known-commands.ts";
import { onlyKnownResources } from "./only-known-resources.ts";
import { onlyPlannedDevices } from "./only-planned-devices.ts";
import { pinnedHostKeys } from "./pinned-host-keys.ts";
import { pinnedImages } from "./pinned-images.ts";
import { systemMountsReadOnly } from "./system-mounts-read-only.ts";

/** Every policy, in the order of docs/policies.md. A new policy is a file and a line here. */
export const policies: (ResourcePolicy | StackPolicy)[] = [
  onlyKnownResources,
  onlyKnownCommands,
  noPrivilegedContainer,
  onlyPlannedDevices,
  npuHeldOnce,
  noSensitiveMount,
  systemMountsReadOnly,
  hostNetworkWithReason,
  logsKeptOnHost,
  noSecretInEnvironment,
  pinnedHostKeys,
  pinnedImages,
];
