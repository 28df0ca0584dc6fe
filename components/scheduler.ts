import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../planning/plan.ts";
import { createContainer } from "./container.ts";
import { awaitReady, type ContainerArgs } from "./instance.ts";
import { NpuDevices } from "./npu-devices.ts";
import { probe } from "./probe.ts";

export interface SchedulerArgs extends ContainerArgs {
  /** Where clients reach it. */
  readonly endpoint: string;
  readonly api: Plan["api"];
  readonly servedModelName: string;
  /** Gates and memberships of the instances; the scheduler starts after them and stops before them. */
  readonly instances: readonly pulumi.Resource[];
}

/** The scheduler: container, gate, and one real completion through prefill and decode as acceptance. */
export class Scheduler extends pulumi.ComponentResource {
  readonly accepted: pulumi.Resource;

  constructor(args: SchedulerArgs, options?: pulumi.ComponentResourceOptions) {
    const { container: plan, stack, host, image, endpoint, api, servedModelName, instances } = args;
    super("ascend-pd:index:Scheduler", plan.name, { container: plan }, options);
    // The manual's own scheduler comes in the engine's image and has device nodes; ours needs nothing of its host.
    const claimed =
      image.from ?? new NpuDevices(`${plan.name}-npus`, { container: plan, host }, { parent: this }).claim;
    const container = createContainer(plan, image.name, stack, {
      parent: this,
      provider: host.provider,
      dependsOn: [...instances, claimed],
    });
    const ready = awaitReady(plan, host, container.id, { parent: this });
    this.accepted = probe(
      `${plan.name}-first-completion`,
      "first-completion",
      { url: endpoint, api, model: servedModelName, timeoutSeconds: 120 },
      [container.id],
      { parent: this, dependsOn: [ready] },
    );
    this.registerOutputs({});
  }
}
