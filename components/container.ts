import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { dockerContainer } from "../planning/container/docker-container.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import { secretEntries } from "./secrets.ts";

/**
 * The Docker container of a Plan entry. `image` is a name known at preview. `definition` makes it one of those that are
 * replaced together: its name hangs on it, and a container of which even that is not known yet has to be made anew.
 */
export function createContainer(
  plan: ContainerPlan,
  image: string,
  stack: string,
  options: pulumi.CustomResourceOptions,
  definition?: pulumi.Output<string>,
): docker.Container {
  const known = dockerContainer(plan, image, stack);
  return new docker.Container(
    plan.name,
    {
      ...known,
      name: definition?.apply(() => plan.name) ?? plan.name,
      envs: [...known.envs, ...secretEntries(plan.secretEnv)],
    },
    {
      // Name and NPUs are taken until the old one is gone. The provider says so of the changes that it knows, but not
      // when `pulumi up --replace` asks for it.
      deleteBeforeReplace: true,
      ...options,
    },
  );
}
