import { z } from "zod";
import { hostOf, type Instance, type Layout } from "../layout.ts";
import type { MountPlan } from "../plan.ts";
import { ofEveryInstance, startTimeoutSeconds } from "../stack-file/words.ts";
import { npuDevices } from "./devices.ts";
import type { ContainerOf, Engine } from "./engine.ts";
import { proxyEnv, serverEnv, serverFlags } from "./flags.ts";
import { declaredFolders, folders, image } from "./folders.ts";
import { hcclPorts } from "./hccl.ts";
import { containerLimits, limitsOf } from "./limits.ts";

const schema = z.strictObject({
  kind: z.literal("ascendcloud").describe("the AscendCloud image and its start_servers.sh"),
  image: image(
    "image with AscendCloud-LLM, present on every host or in a registry, e.g. ascend-vllm:6.3.910",
  ),
  ...folders("/home/ma-user", "{ source: /etc/hccn.conf, target: /etc/hccn.conf }"),
  ...containerLimits("Docker's 64m, as in the manual"),
  ...ofEveryInstance,
  startTimeoutSeconds: startTimeoutSeconds(1800),
});

const startServers = "/home/ma-user/AscendCloud/AscendCloud-LLM/llm_tools/PD_separate/start_servers.sh";

/**
 * Steps two to four of the manual: its image, devices, mounts, variables and flags, which its scheduler shares but for
 * the NPUs; what a server is, it sees by its local rank table. Two things differ: the server is the container's own
 * process instead of one that `docker exec` adds, and mounts that need no writing are read-only.
 *
 * ASCEND_RT_VISIBLE_DEVICES stays unset: with only its own cards in the container the runtime counts them from 0, while
 * rank tables hold physical ids.
 *
 * The engine is of the vLLM 0.6.3 line, which knows no `kv_transfer_params`; for an image that does, the stack file's
 * own `--handoff=kv-params` comes last and counts.
 */
export const ascendcloud = schema.transform(
  ({ kind, image, workDir, mounts, startTimeoutSeconds, ...extras }): Engine => {
    const container: ContainerOf = (layout, instance, tables) => ({
      image: { kind: "reference", name: image },
      command: ["sh", startServers, ...serverFlags(layout, instance)],
      env: {
        ...serverEnv(layout, instance, tables),
        ...(instance.role === "scheduler" && proxyEnv(layout)),
      },
      devices: hasDriver(layout, instance) ? npuDevices(instance.npus) : [],
      mounts: [
        ...(hasDriver(layout, instance) ? driverMounts : ofAnyHost),
        { ...workDir, readOnly: false },
        ...mounts,
      ],
      files: tables.files,
      user: "ma-user",
      ...(instance.role !== "scheduler" && limitsOf(extras)),
      restricted: false,
      readyPath: "/health",
      startTimeoutSeconds,
      stopTimeoutSeconds: 120,
    });
    return {
      extras,
      container,
      manualScheduler: container,
      handoff: { handoff: "plain" },
      claimedPorts: hcclPorts,
      deviceIps: () => ({}),
      mounts: declaredFolders(workDir, mounts),
      limits: extras,
      systemMounts: driverMounts,
      imageFolders: ["/home/ma-user"],
      wantsEqualDeviceCounts: true,
      wantsWholePrompts: true,
      isPublic: false,
      takesNpus: true,
      needsNpus: true,
      derived: { args: {}, env: {} },
      overHosts: { none: `engine ${kind}, whose rank table has one server for each instance` },
      mooncake: undefined,
    };
  },
);

/** A host without NPUs has none; the scheduler, which alone may be there, needs none. */
const hasDriver = (layout: Layout, instance: Instance): boolean => hostOf(layout, instance).npus > 0;

const readOnly = (path: string): MountPlan => ({ source: path, target: path, readOnly: true });

/** What the manual mounts from the host's driver and system, without the user's work directory. */
export const driverMounts: readonly MountPlan[] = [
  readOnly("/etc/localtime"),
  readOnly("/usr/local/Ascend/driver"),
  readOnly("/etc/ascend_install.info"),
  { source: "/var/log/npu", target: "/usr/slog", readOnly: false },
  readOnly("/usr/local/sbin/npu-smi"),
  readOnly("/sys/fs/cgroup"),
];

const ofAnyHost = driverMounts.filter(({ source }) => ["/etc/localtime", "/sys/fs/cgroup"].includes(source));
