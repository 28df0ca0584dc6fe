import type * as command from "@pulumi/command";
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { addressOf, readyUrlOf } from "../hosts/administered.ts";
import { type ContainerPlan, isInstance } from "../planning/plan.ts";
import type { Identity } from "../planning/predecessors.ts";
import type { Administration } from "./administration.ts";
import { createContainer } from "./container.ts";
import type { Host } from "./host.ts";
import { inTurn } from "./in-turn.ts";
import { NpuDevices } from "./npu-devices.ts";
import { probe } from "./probe.ts";
import type { Membership, ProbeArguments } from "./probes/arguments.ts";
import { engineKeyOf } from "./secrets.ts";

export interface ContainerArgs {
  readonly container: ContainerPlan;
  readonly stack: string;
  readonly host: Host;
  readonly image: ImageOnHost;
}

export interface InstanceArgs extends ContainerArgs {
  /** Of an instance over several hosts, those beside this one, its head. */
  readonly members: readonly ContainerArgs[];
  /** Absent where the scheduler cannot be told what to send where. */
  readonly rollout: Rollout | undefined;
}

/** Where an instance gets requests from, and its turn in a rolling change. */
export interface Rollout extends Pick<Membership, "api" | "model"> {
  readonly administration: Administration;
  /** Membership of the instance of the same role before it: until that one is back, this one stays. */
  readonly after?: pulumi.Resource | undefined;
}

/** An image name known at preview, and the resource that puts the image there, if any. */
export interface ImageOnHost {
  readonly name: string;
  readonly from?: pulumi.Resource;
}

/**
 * A vLLM instance: its claim on NPUs, its container, the gate that opens when it answers, and its membership. Over several
 * hosts it has a claim and a container on each, and one gate and one membership, both made anew with any of them.
 */
abstract class Instance extends pulumi.ComponentResource {
  /** Exists once the instance has answered on its ready path. */
  readonly ready: pulumi.Resource;
  /** Made, it joins a running scheduler; gone, it is drained. It goes before the container does. */
  readonly membership: pulumi.Resource | undefined;

  constructor(
    type: string,
    role: Membership["role"],
    args: InstanceArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    const { container: plan, host, members, rollout } = args;
    const others = members.length > 0 && { members: members.map(({ container }) => container) };
    super(type, plan.name, { container: plan, ...others }, options);
    const all = [args, ...members];
    const definition = plan.member && this.#define(plan.name, plan.member.definition, all, rollout?.after);
    const ids = all.map((one) => this.#createContainer(one, rollout?.after, definition).id);
    this.ready = awaitReady(plan, host, ids, { parent: this });
    if (rollout !== undefined) {
      const { administration, api, model } = rollout;
      this.membership = probe(
        `${plan.name}-membership`,
        "join",
        {
          scheduler: administration.scheduler,
          api,
          model,
          role,
          address: addressOf(host.host, plan),
          ready: readyQuestion(plan, host),
        },
        ids,
        // Drained by what it was, before it is joined as what it is.
        { parent: this, deleteBeforeReplace: true, dependsOn: [administration.announced] },
        { atEnd: "drain", stdin: engineKeyOf(plan) },
      );
    }
    this.registerOutputs({});
  }

  /**
   * What all members are made from. Another one replaces them all: as their names hang on it, Pulumi first drains the
   * instance and deletes every container, so that NPUs, ports and ranks of the old one are free before the new one comes.
   */
  #define(
    name: string,
    definition: string,
    members: readonly ContainerArgs[],
    after: pulumi.Resource | undefined,
  ): command.local.Command {
    const images = members.map(({ image }) => image.name);
    return probe(`${name}-definition`, "define-instance", { definition }, [definition, ...images], {
      parent: this,
      deleteBeforeReplace: true,
      dependsOn: inTurn(after, []),
    });
  }

  #createContainer(
    { container: plan, stack, host, image }: ContainerArgs,
    after: pulumi.Resource | undefined,
    definition: command.local.Command | undefined,
  ): docker.Container {
    const devices = new NpuDevices(
      `${plan.name}-npus`,
      { container: plan, host, after: definition },
      { parent: this },
    );
    const needed: pulumi.Input<pulumi.Resource>[] = [devices.claim, ...(image.from ? [image.from] : [])];
    const options = {
      parent: this,
      provider: host.provider,
      dependsOn: inTurn(after, needed),
    };
    return createContainer(plan, image.name, stack, options, definition?.stdout);
  }
}

const types = {
  prefill: "ascend-pd:index:PrefillInstance",
  decode: "ascend-pd:index:DecodeInstance",
} as const;

/** The resource that an instance was, which it replaces with all that is below it: drained, and gone before it comes. */
export function aliasOf(former: Identity | undefined): pulumi.Alias[] {
  if (former === undefined || !isInstance(former)) return [];
  return [{ name: former.name, type: types[former.role] }];
}

export class PrefillInstance extends Instance {
  constructor(args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.prefill, "prefill", args, options);
  }
}

export class DecodeInstance extends Instance {
  constructor(args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.decode, "decode", args, options);
  }
}

/** The gate: a resource that exists once the container answers on its ready path, made anew with the container. */
export function awaitReady(
  plan: ContainerPlan,
  host: Host,
  containerIds: pulumi.Input<string>[],
  options: pulumi.CustomResourceOptions,
  trusted: { readonly ca?: string } = {},
): pulumi.Resource {
  const question = { ...readyQuestion(plan, host), ...trusted };
  return probe(`${plan.name}-ready`, "await-ready", question, containerIds, options);
}

function readyQuestion(plan: ContainerPlan, { host }: Host): ProbeArguments["await-ready"] {
  return {
    host,
    container: plan.name,
    url: readyUrlOf(host, plan),
    timeoutSeconds: plan.startTimeoutSeconds,
  };
}
