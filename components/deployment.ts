import * as pulumi from "@pulumi/pulumi";
import { givesPasses } from "../hosts/pass.ts";
import manifest from "../package.json" with { type: "json" };
import { isHead } from "../planning/layout.ts";
import { type ContainerPlan, isMonitoring, type Plan, type Role } from "../planning/plan.ts";
import type { Identity } from "../planning/predecessors.ts";
import { administrationOf } from "./administration.ts";
import { Host } from "./host.ts";
import {
  aliasOf,
  type ContainerArgs,
  DecodeInstance,
  type ImageOnHost,
  PrefillInstance,
} from "./instance.ts";
import { Monitoring } from "./monitoring.ts";
import { probe } from "./probe.ts";
import { RankTableFile } from "./rank-table-file.ts";
import { Scheduler } from "./scheduler.ts";
import { type BuildContext, buildContext, SourceImage } from "./source-image.ts";

export interface PdDeploymentArgs {
  readonly plan: Plan;
  /** What instances were before, by the names that they have now. */
  readonly predecessors?: ReadonlyMap<string, Identity>;
  /** What images that are built here stand on, default the Node that this version was tested with. */
  readonly nodeImage?: string;
}

const testedNode = `ascend-pd/node:${manifest.dependencies.node}`;

/** Everything a Plan says, as resources. Start order: instances side by side, then the scheduler. */
export class PdDeployment extends pulumi.ComponentResource {
  /** Known once a completion came back through it. */
  readonly endpoint: pulumi.Output<string>;

  constructor(
    name: string,
    { plan, predecessors, nodeImage = testedNode }: PdDeploymentArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    // Hosts of such a Plan name no Docker Engine, so that all containers would come to be on this machine's own.
    if (plan.kubernetes !== undefined) {
      throw new pulumi.RunError(
        `${plan.stack}: its target is a Kubernetes cluster, and PdDeployment is for Docker Engines\n` +
          "fix: have `deploy()` apply the stack file, or take `target` out",
      );
    }
    super("ascend-pd:index:PdDeployment", name, { stack: plan.stack, endpoint: plan.endpoint }, options);
    const child = { parent: this };
    const hosts = new Map(plan.hosts.map((host) => [host.name, new Host(host.name, { host }, child)]));
    const bases = new Map<string, pulumi.Resource>();
    const images = new Map<string, SourceImage>();
    const contexts = new Map<string, BuildContext>();

    const hostOf = (container: ContainerPlan): Host => {
      const host = hosts.get(container.host);
      if (host === undefined)
        throw new Error(`the Plan puts ${container.name} on an unknown host ${container.host}`);
      return host;
    };
    const imageOf = ({ image }: ContainerPlan, { host, provider }: Host): ImageOnHost => {
      if (image.kind === "reference") return { name: image.name };
      if (image.kind === "assembled") {
        const { name } = image;
        const from = once(bases, `vllm-on-${host.name}`, (key) =>
          probe(key, "assembled-image", { host, image: name }, [], child),
        );
        return { name, from };
      }
      const base = once(bases, `node-on-${host.name}`, (key) =>
        probe(key, "node-image", { host, image: nodeImage }, [], child),
      );
      const context = once(contexts, image.folder, (folder) => buildContext(folder, nodeImage));
      const built = once(
        images,
        `${image.folder}-on-${host.name}`,
        (key) => new SourceImage(key, { context, base, provider }, child),
      );
      return { name: built.imageName, from: built.image };
    };

    // An instance of public vLLM reads none.
    const placed = new Set(plan.containers.flatMap(({ files }) => files.map(({ path }) => path)));
    for (const file of [plan.rankTables.global, ...plan.rankTables.local]) {
      if (!placed.has(file.path)) continue;
      new RankTableFile(file.path.slice(file.path.lastIndexOf("/") + 1), { file }, child);
    }

    const { endpoint, ca, api, servedModelName } = plan;
    const administration = administrationOf(plan, child);
    const lastOfRole = new Map<Role, pulumi.Resource>();
    const instances: pulumi.Resource[] = [];
    let accepted: pulumi.Resource | undefined;
    const argsOf = (container: ContainerPlan): ContainerArgs => {
      const host = hostOf(container);
      return { container, stack: plan.stack, host, image: imageOf(container, host) };
    };
    for (const container of plan.containers.filter(isHead)) {
      const { role, name } = container;
      const args = argsOf(container);
      if (role === "scheduler") {
        const passFrom = givesPasses(plan);
        const all = { ...args, administration, passFrom, endpoint, ca, api, servedModelName, instances };
        accepted = new Scheduler(all, child).accepted;
        continue;
      }
      if (isMonitoring(container)) {
        new Monitoring(args, child);
        continue;
      }
      const rollout = administration && {
        administration,
        api,
        model: servedModelName,
        after: lastOfRole.get(role),
      };
      const Kind = role === "prefill" ? PrefillInstance : DecodeInstance;
      const aliases = [predecessors?.get(name)].flatMap(aliasOf);
      const members = plan.containers.filter((one) => !isHead(one) && one.member?.of === name).map(argsOf);
      const { ready, membership } = new Kind({ ...args, members, rollout }, { ...child, aliases });
      instances.push(ready);
      if (membership === undefined) continue;
      instances.push(membership);
      lastOfRole.set(role, membership);
    }

    this.endpoint = pulumi.output(accepted?.urn).apply(() => plan.endpoint);
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

/** What `map` has under `key`, made now if it has nothing yet. */
function once<T>(map: Map<string, T>, key: string, make: (key: string) => T): T {
  const value = map.get(key) ?? make(key);
  map.set(key, value);
  return value;
}
