import type { MountPlan } from "../plan.ts";
import type { Deployment } from "../stack-file/schema.ts";
import type { Instance, Topology } from "../topology.ts";
import { npuDevices } from "./devices.ts";
import type { EngineContainer } from "./engine-container.ts";
import { proxyEnv, serverEnv, serverFlags } from "./flags.ts";

type AscendCloud = Extract<Deployment["engine"], { kind: "ascendcloud" }>;

const startServers = "/home/ma-user/AscendCloud/AscendCloud-LLM/llm_tools/PD_separate/start_servers.sh";

/**
 * Steps two to four of the manual: its image, devices, mounts, variables and flags, which its scheduler shares but for
 * the NPUs; what a server is, it sees by its local rank table. Two things differ: the server is the container's own
 * process instead of one that `docker exec` adds, and mounts that need no writing are read-only.
 *
 * ASCEND_RT_VISIBLE_DEVICES stays unset: with only its own cards in the container the runtime counts them from 0, while
 * rank tables hold physical ids.
 */
export function ascendcloud(
  engine: AscendCloud,
  topology: Topology,
  instance: Instance,
  tables: Readonly<Record<string, string>>,
): EngineContainer {
  const { image, workDir, mounts, startTimeoutSeconds } = engine;
  return {
    image: { kind: "reference", name: image },
    command: ["sh", startServers, ...serverFlags(topology, instance)],
    env: {
      ...serverEnv(topology, instance, tables),
      ...(instance.role === "scheduler" && proxyEnv(topology)),
    },
    devices: npuDevices(instance.npus),
    mounts: [...driverMounts, { ...workDir, readOnly: false }, ...mounts],
    user: "ma-user",
    restricted: false,
    readyPath: "/health",
    startTimeoutSeconds,
    stopTimeoutSeconds: 120,
  };
}

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
