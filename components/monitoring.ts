import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { createContainer } from "./container.ts";
import type { ContainerArgs } from "./instance.ts";
import { NpuDevices } from "./npu-devices.ts";
import { probe } from "./probe.ts";

/** A Prometheus or a Grafana: its image, what it keeps, its container, and that it stays up with its configuration. */
export class Monitoring extends pulumi.ComponentResource {
  constructor(
    { container: plan, stack, host, image }: ContainerArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("ascend-pd:index:Monitoring", plan.name, { container: plan }, options);
    const child = { parent: this };
    const { claim } = new NpuDevices(`${plan.name}-npus`, { container: plan, host }, child);
    const volumes = (plan.volumes ?? []).map(
      ({ name }) => new docker.Volume(name, { name }, { ...child, provider: host.provider }),
    );
    const container = createContainer(plan, image.name, stack, {
      ...child,
      provider: host.provider,
      dependsOn: [claim, ...volumes],
    });
    probe(
      `${plan.name}-running`,
      "await-running",
      { host: host.host, container: plan.name },
      [container.id],
      child,
    );
    this.registerOutputs({});
  }
}
