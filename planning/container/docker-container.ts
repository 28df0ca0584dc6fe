import type { ContainerPlan } from "../plan.ts";
import { everyContainer, labelsOf, restrictions } from "./settings.ts";

/**
 * The Docker container of a Plan entry, property by property, in the words of Pulumi's Docker provider: what an `up`
 * creates, and what a container that runs is compared with. `image` is what the Plan's image is called on the host.
 */
export function dockerContainer(plan: ContainerPlan, image: string, stack: string) {
  return {
    name: plan.name,
    image,
    command: [...plan.command],
    envs: Object.entries(plan.env).map(([name, value]) => `${name}=${value}`),
    devices: plan.devices.map((device) => ({ ...device })),
    // A bind through `mounts` fails when its source is missing; `volumes` would make a folder of that name.
    mounts: [
      ...plan.mounts.map((mount) => ({ type: "bind", ...mount })),
      ...(plan.volumes ?? []).map(({ name, target }) => ({
        type: "volume",
        source: name,
        target,
        readOnly: false,
      })),
    ],
    uploads: plan.files.map(({ path, content }) => ({
      file: path,
      content,
      permissions: everyContainer.fileMode,
    })),
    ...(plan.restricted && {
      capabilities: { drops: [...restrictions.dropCapabilities] },
      securityOpts: [...restrictions.securityOptions],
    }),
    ...(plan.user !== undefined && { user: plan.user }),
    // Without swap: what is over the limit ends, and does not slow its host down.
    ...(plan.memoryMib !== undefined && { memory: plan.memoryMib, memorySwap: plan.memoryMib }),
    ...(plan.sharedMemoryMib !== undefined && { shmSize: plan.sharedMemoryMib }),
    ...(plan.ipc !== undefined && { ipcMode: plan.ipc }),
    ...(plan.ulimits !== undefined && {
      ulimits: Object.entries(plan.ulimits).map(([name, limit]) => ({ name, soft: limit, hard: limit })),
    }),
    networkMode: everyContainer.network,
    restart: everyContainer.restart,
    // Unset means `docker stop -t 0`, which kills requests in flight.
    destroyGraceSeconds: plan.stopTimeoutSeconds,
    stopTimeout: plan.stopTimeoutSeconds,
    logDriver: everyContainer.logDriver,
    logOpts: everyContainer.logOptions,
    labels: Object.entries(labelsOf(stack, plan.role, plan.secretEnv)).map(([label, value]) => ({
      label,
      value,
    })),
  };
}
