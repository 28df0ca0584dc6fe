import { z } from "zod";
import { bracketed } from "../../rank-tables/addresses.ts";
import { found, hostOf, type Instance, isHead, type Layout, placesOf } from "../layout.ts";
import { ofEveryInstance, startTimeoutSeconds } from "../stack-file/words.ts";
import { npuDevices } from "./devices.ts";
import type { Engine, OverHosts } from "./engine.ts";
import { serverFlags } from "./flags.ts";
import { kvParams } from "./handoff.ts";
import { containerLimits, limitsOf } from "./limits.ts";
import { defaultKvPort, rpcPort } from "./mooncake.ts";
import { memberFlags } from "./over-hosts.ts";

const schema = z.strictObject({
  kind: z.literal("simulated").describe("this repository's simulator; needs no NPU"),
  ...containerLimits("Docker's 64m"),
  ...ofEveryInstance,
  startTimeoutSeconds: startTimeoutSeconds(60),
});

/**
 * This repository's simulator. `/dev/null` stands behind each device node, so the container has the real list while
 * the host's /dev stays as it is. Of the rank tables it has its own alone: nothing of it changes with other instances.
 */
export const simulated = schema.transform(
  ({ kind, startTimeoutSeconds, ...extras }): Engine => ({
    extras,
    container: (layout, instance, { local }) => ({
      image: { kind: "source", folder: "simulator" },
      command: [
        `--role=${instance.role}`,
        "--check-devices",
        ...kvFlags(layout, instance),
        ...memberFlags(overHosts, layout, instance),
        ...serverFlags(layout, instance),
      ],
      env: { RANK_TABLE_FILE_PATH: local.path, ...instance.extraEnv },
      devices: npuDevices(instance.npus, () => "/dev/null"),
      mounts: [],
      files: [local],
      ...limitsOf(extras),
      restricted: true,
      readyPath: "/health",
      startTimeoutSeconds,
      stopTimeoutSeconds: 10,
    }),
    manualScheduler: { none: `engine ${kind}, which has no image for it` },
    handoff: kvParams,
    claimedPorts: (instance) => {
      if (instance.member?.index !== 0) return [];
      const port = rpcPort(defaultKvPort, instance);
      return [{ owner: "data parallelism", first: port, last: port }];
    },
    deviceIps,
    mounts: [],
    limits: extras,
    systemMounts: [],
    imageFolders: [],
    wantsEqualDeviceCounts: false,
    wantsWholePrompts: true,
    isPublic: false,
    takesNpus: true,
    needsNpus: false,
    derived: { args: {}, env: {} },
    overHosts,
    mooncake: undefined,
  }),
);

/** All NPUs of a host are a rank. */
const overHosts: OverHosts = {
  rankNpus: (_, instance) => found(placesOf(instance)[0]).npus.length,
  kvPort: defaultKvPort,
};

/** `/generate` has no room for the parameters by which decode finds KV cache otherwise. */
function kvFlags(layout: Layout, { role }: Instance): string[] {
  if (layout.file.scheduler.useOpenai) return [];
  const prefill = layout.instances.filter((one) => one.role === "prefill" && isHead(one));
  const peers = prefill
    .map((instance) => `${bracketed(hostOf(layout, instance).address)}:${instance.port}`)
    .sort();
  return ["--kv-lookup=prompt", ...(role === "decode" ? [`--kv-peers=${peers.join(",")}`] : [])];
}

/**
 * Addresses of 198.18.0.0/15, which RFC 2544 keeps for tests, for NPUs that have no network port. Nobody asks them, so
 * they are the same on every host: that of a host would change as others come and go.
 */
function deviceIps(npus: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: npus }, (_, npu) => [npu, `198.18.0.${npu + 1}`]));
}
