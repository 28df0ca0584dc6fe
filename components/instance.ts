import * as pulumi from "@pulumi/pulumi";
import type { ContainerPlan } from "../planning/plan.ts";
import { createContainer } from "./container.ts";
import type { Host } from "./host.ts";
import { NpuDevices } from "./npu-devices.ts";
import { probe } from "./probe.ts";

export interface InstanceArgs {
  readonly container: ContainerPlan;
  readonly stack: string;
  readonly host: Host;
  readonly image: ImageOnHost;
}

/** An image name known at preview, and the resource that puts the image there, if any. */
export interface ImageOnHost {
  readonly name: string;
  readonly from?: pulumi.Resource;
}

/** A vLLM instance: its claim on NPUs, its container, and the gate that opens when it answers. */
abstract class Instance extends pulumi.ComponentResource {
  /** Exists once the instance has answered on its ready path. */
  readonly ready: pulumi.Resource;

  constructor(type: string, args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    const { container: plan, stack, host, image } = args;
    super(type, plan.name, { container: plan }, options);
    const devices = new NpuDevices(`${plan.name}-npus`, { container: plan, host }, { parent: this });
    const container = createContainer(plan, image.name, stack, {
      parent: this,
      provider: host.provider,
      dependsOn: [devices.claim, ...(image.from ? [image.from] : [])],
    });
    this.ready = awaitReady(plan, host, container.id, { parent: this });
    this.registerOutputs({});
  }
}

export class PrefillInstance extends Instance {
  constructor(args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super("ascend-pd:index:PrefillInstance", args, options);
  }
}

export class DecodeInstance extends Instance {
  constructor(args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super("ascend-pd:index:DecodeInstance", args, options);
  }
}

/** The gate: a resource that exists once the container answers on its ready path, made anew with the container. */
export function awaitReady(
  plan: ContainerPlan,
  host: Host,
  containerId: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return probe(
    `${plan.name}-ready`,
    "await-ready",
    {
      host: host.host,
      container: plan.name,
      url: `http://${host.host.address}:${plan.port}${plan.readyPath}`,
      timeoutSeconds: plan.startTimeoutSeconds,
    },
    [containerId],
    options,
  );
}
