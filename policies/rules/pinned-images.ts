import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { RemoteImageArgs } from "@pulumi/docker";
import type { PolicyResource } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { type Known, known } from "../known.ts";
import { alsoOf, type PolicyTexts, type StackPolicy } from "../policy.ts";
import { type ContainerInputs, containerType } from "../resource-policy.ts";
import { stackConfig } from "../stack-config.ts";

const texts: PolicyTexts<"images"> = {
  name: "pinned-images",
  description:
    "In a stack whose configuration says `ascend-pd:production: true`, every image is named by digest, or built by this repository's own Dockerfile on its Node image or on one named by digest.",
  remediationSteps:
    "name the image `name@sha256:…`, as `docker images --digests` shows it, or list it in the configuration of this policy",
  lists: {
    images: "more images, letter for letter, that nobody moves, e.g. registry.example/engine:6.3.910",
  },
};

/** A tag can be moved: the same stack file would then start something else, and hosts could differ from each other. */
export const pinnedImages: StackPolicy = {
  ...texts,
  validateStack: (args, reportViolation) => {
    if (!isProduction()) return;
    const { images } = alsoOf(texts, args);
    const isPinned = (image: string | undefined): boolean => isFixed(image) || images.includes(image ?? "");
    const built = new Set<string>();
    for (const { props, name: image, urn } of ofType(
      args.resources,
      "docker:index/remoteImage:RemoteImage",
    )) {
      const { name, build } = known(props as pulumi.Unwrap<RemoteImageArgs>);
      if (build && name) built.add(name);
      const fault = build === undefined ? `is ${name}` : buildFault(build);
      const isAllowed = build === undefined ? isPinned(name) : images.includes(name ?? "");
      if (!isAllowed && fault !== undefined) reportViolation(`${image} ${fault}`, urn);
    }
    for (const { props, name, urn } of ofType(args.resources, containerType)) {
      const { image } = known(props as ContainerInputs);
      if (!isPinned(image) && !built.has(image ?? "")) reportViolation(`${name} runs ${image}`, urn);
    }
  },
};

/** Whatever is set and not `false` counts. */
const isProduction = (): boolean => !["false", undefined].includes(stackConfig("production"));

const ofType = (resources: readonly PolicyResource[], type: string) =>
  resources.filter((resource) => resource.type === type);

/** An image that is not known yet comes from an image resource, which is checked by itself. */
const isFixed = (image: string | undefined): boolean =>
  image === undefined || /(^|@)sha256:[0-9a-f]{64}$/.test(image);

/** Named by the exact version of Node, and put on each host by this repository before anything is built on it. */
const isOwnNode = (base = ""): boolean => /^ascend-pd\/node:\d+\.\d+\.\d+$/.test(base);

const repository = resolve(import.meta.dirname, "../..");
const ownFolders = ["scheduler", "simulator"];

/** A Dockerfile can start from anything, whatever arguments it is given; of ours is known which one it asks for. */
function buildFault(build: NonNullable<Known<pulumi.Unwrap<RemoteImageArgs>>["build"]>): string | undefined {
  const { context = "", dockerfile = "Dockerfile", buildArgs = {}, useLegacyBuilder } = build;
  // Of another project nothing says where it lies.
  const file =
    pulumi.getProject() === "ascend-pd"
      ? resolve(repository, context, dockerfile)
      : join(context, dockerfile);
  const isOurs =
    isAbsolute(file) && ownFolders.some((folder) => isSame(file, join(repository, folder, "Dockerfile")));
  if (!isOurs) return `is built by ${join(context, dockerfile)}, which is no Dockerfile of this repository`;
  if (useLegacyBuilder !== true) return "is built by another builder than the one of its host";
  const { NODE_IMAGE: base, ...others } = buildArgs;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return `is built with the argument ${other}, for which its Dockerfile does not ask`;
  return isOwnNode(base) || (base !== undefined && isFixed(base)) ? undefined : `is built on ${base}`;
}

function isSame(file: string, own: string): boolean {
  try {
    return readFileSync(file, "utf8") === readFileSync(own, "utf8");
  } catch {
    return false;
  }
}
