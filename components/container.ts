import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { everyContainer, labelsOf, restrictions } from "../planning/container-settings.ts";
import type { ContainerPlan } from "../planning/plan.ts";

/** The Docker container of a Plan entry, property by property. `image` is a name known at preview. */
export function createContainer(
  plan: ContainerPlan,
  image: string,
  stack: string,
  options: pulumi.CustomResourceOptions,
): docker.Container {
  return new docker.Container(
    plan.name,
    {
      name: plan.name,
      image,
      command: [...plan.command],
      envs: Object.entries(plan.env).map(([name, value]) => `${name}=${value}`),
      devices: plan.devices.map((device) => ({ ...device })),
      // A bind through `mounts` fails when its source is missing; `volumes` would make a folder of that name.
      mounts: plan.mounts.map((mount) => ({ type: "bind", ...mount })),
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
      networkMode: everyContainer.network,
      restart: everyContainer.restart,
      // Unset means `docker stop -t 0`, which kills requests in flight.
      destroyGraceSeconds: plan.stopTimeoutSeconds,
      stopTimeout: plan.stopTimeoutSeconds,
      logDriver: everyContainer.logDriver,
      logOpts: everyContainer.logOptions,
      labels: Object.entries(labelsOf(stack, plan.role)).map(([label, value]) => ({ label, value })),
    },
    options,
  );
}
