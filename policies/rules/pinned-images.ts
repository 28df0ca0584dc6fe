import type { RemoteImageArgs } from "@pulumi/docker";
import type { PolicyResource } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import type { ContainerInputs } from "../container-policy.ts";
import { type Known, known } from "../known.ts";
import type { StackPolicy } from "../policy.ts";

/** A tag can be moved: the same stack file would then start something else, and hosts could differ from each other. */
export const pinnedImages: StackPolicy = {
  name: "pinned-images",
  description:
    "In a stack whose configuration says `ascend-pd:production: true`, every image is named by digest, or built by the stack on an image named so or on this repository's Node image.",
  remediationSteps: "name the image `name@sha256:…`, as `docker images --digests` shows it",
  validateStack: ({ resources }, reportViolation) => {
    if (!isProduction()) return;
    const built = new Set<string>();
    for (const { props, name: image, urn } of ofType(resources, "docker:index/remoteImage:RemoteImage")) {
      const { name, build } = known(props as pulumi.Unwrap<RemoteImageArgs>);
      if (build && name) built.add(name);
      for (const base of build ? basesOf(build) : [name]) {
        if (!isPinned(base) && !(build && isOwnNode(base)))
          reportViolation(`${image} ${build ? "is built on" : "is"} ${base}`, urn);
      }
    }
    for (const { props, name, urn } of ofType(resources, "docker:index/container:Container")) {
      const { image } = known(props as ContainerInputs);
      if (!isPinned(image) && !built.has(image ?? "")) reportViolation(`${name} runs ${image}`, urn);
    }
  },
};

/** Whatever is set and not `false` counts. A stack without any configuration is shown as `null`, which Config cannot read. */
function isProduction(): boolean {
  if (process.env.PULUMI_CONFIG === "null") return false;
  return !["false", undefined].includes(new pulumi.Config("ascend-pd").get("production"));
}

const ofType = (resources: readonly PolicyResource[], type: string) =>
  resources.filter((resource) => resource.type === type);

/** An image that is not known yet comes from an image resource, which is checked by itself. */
const isPinned = (image: string | undefined): boolean =>
  image === undefined || /(^|@)sha256:[0-9a-f]{64}$/.test(image);

/** Named by the exact version of Node, and put on each host by this repository before anything is built on it. */
const isOwnNode = (base = ""): boolean => /^ascend-pd\/node:\d+\.\d+\.\d+$/.test(base);

/** Images that a build starts from. A base that the Dockerfile names instead cannot be seen, so it is not pinned. */
function basesOf({ buildArgs }: NonNullable<Known<pulumi.Unwrap<RemoteImageArgs>>["build"]>): string[] {
  const bases = Object.entries(buildArgs ?? {}).flatMap(([name, image]) =>
    /IMAGE$/.test(name) ? [image ?? ""] : [],
  );
  return bases.length > 0 ? bases : ["a base that no build argument names"];
}
