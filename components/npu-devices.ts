import * as pulumi from "@pulumi/pulumi";
import type { ContainerPlan } from "../planning/plan.ts";
import type { Host } from "./host.ts";
import { probe } from "./probe.ts";
import { registryAuth } from "./secrets.ts";

export interface NpuDevicesArgs {
  readonly container: ContainerPlan;
  readonly host: Host;
  /** What must be done before NPUs can be free. */
  readonly after?: pulumi.Resource | undefined;
}

/**
 * An instance's exclusive claim on its NPUs: the device entries of its container and, when it is created, a check
 * on the host that the nodes exist and that no other container holds one of them.
 */
export class NpuDevices extends pulumi.ComponentResource {
  readonly claim: pulumi.Resource;

  constructor(
    name: string,
    { container, host, after }: NpuDevicesArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super(
      "ascend-pd:index:NpuDevices",
      name,
      { host: container.host, npus: container.npus, devices: container.devices },
      options,
    );
    this.claim = probe(
      name,
      "claim-npus",
      {
        host: host.host,
        container: container.name,
        devices: container.devices.map((d) => d.hostPath),
        ...(container.image.kind === "reference" && { image: container.image.name }),
      },
      [],
      { parent: this, dependsOn: after ? [after] : [] },
      { stdin: container.image.kind === "reference" ? registryAuth() : undefined },
    );
    this.registerOutputs({});
  }
}
