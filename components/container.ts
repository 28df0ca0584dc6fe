import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { dockerContainer } from "../planning/container/docker-container.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import { secretEntries } from "./secrets.ts";

/** The Docker container of a Plan entry. `image` is a name known at preview. */
export function createContainer(
  plan: ContainerPlan,
  image: string,
  stack: string,
  options: pulumi.CustomResourceOptions,
): docker.Container {
  const known = dockerContainer(plan, image, stack);
  return new docker.Container(
    plan.name,
    { ...known, envs: [...known.envs, ...secretEntries(plan.secretEnv)] },
    {
      // Name and NPUs are taken until the old one is gone. The provider says so of the changes that it knows, but not
      // when `pulumi up --replace` asks for it.
      deleteBeforeReplace: true,
      ...options,
    },
  );
}
