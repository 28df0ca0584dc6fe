import * as pulumi from "@pulumi/pulumi";
import type { Administered } from "../hosts/administered.ts";
import type { Plan } from "../planning/plan.ts";
import type { Administration } from "./administration.ts";
import { createContainer } from "./container.ts";
import { awaitReady, type ContainerArgs } from "./instance.ts";
import { NpuDevices } from "./npu-devices.ts";
import { probe } from "./probe.ts";

export interface SchedulerArgs extends ContainerArgs {
  /** Absent where it cannot be told what to send where. */
  readonly administration: Administration | undefined;
  /** Whom a pass is to be had from, where clients are asked for keys. */
  readonly passFrom: Administered | undefined;
  /** Where clients reach it. */
  readonly endpoint: string;
  /** Who signed its certificate, where that is no authority that everybody trusts. */
  readonly ca: string | undefined;
  readonly api: Plan["api"];
  readonly servedModelName: string;
  /** Gates and memberships of the instances; the scheduler starts after them and stops before them. */
  readonly instances: readonly pulumi.Resource[];
}

/**
 * The scheduler: container, gate, word of the instances that it has from then on, and one real completion through prefill
 * and decode as acceptance.
 */
export class Scheduler extends pulumi.ComponentResource {
  readonly accepted: pulumi.Resource;

  constructor(args: SchedulerArgs, options?: pulumi.ComponentResourceOptions) {
    const { container: plan, stack, host, image, administration, endpoint, instances } = args;
    super("ascend-pd:index:Scheduler", plan.name, { container: plan }, options);
    // The manual's own scheduler comes in the engine's image and has device nodes; ours needs nothing of its host.
    const claimed =
      image.from ?? new NpuDevices(`${plan.name}-npus`, { container: plan, host }, { parent: this }).claim;
    const container = createContainer(plan, image.name, stack, {
      parent: this,
      provider: host.provider,
      dependsOn: [...instances, claimed],
      // They are renewed in it; a container that is made for another reason has them as they are then.
      ...(administration && { ignoreChanges: ["uploads"] }),
    });
    const trusted = args.ca === undefined ? {} : { ca: args.ca };
    const ready = awaitReady(plan, host, [container.id], { parent: this }, trusted);
    const settled =
      administration &&
      probe(
        `${plan.name}-settled`,
        "settle",
        { scheduler: administration.scheduler },
        // Also when something was announced and then taken back.
        [container.id, administration.announced.id],
        { parent: this, dependsOn: ready },
        { stdin: administration.tables },
      );
    this.accepted = probe(
      `${plan.name}-first-completion`,
      "first-completion",
      {
        url: endpoint,
        ...trusted,
        api: args.api,
        model: args.servedModelName,
        timeoutSeconds: 120,
        ...(args.passFrom && { passFrom: args.passFrom }),
      },
      [container.id, ...(settled ? [settled.id] : [])],
      { parent: this, dependsOn: settled ?? ready },
    );
    this.registerOutputs({});
  }
}
