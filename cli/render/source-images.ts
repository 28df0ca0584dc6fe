import type { HostPlan, ImagePlan } from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";

/** What the image of a container is called on its host. */
export function imageName(stack: string, image: ImagePlan): string {
  return image.kind === "reference" ? image.name : `ascend-pd/${image.folder}:${stack}`;
}

/**
 * The commands, for a clone of this repository, that bring an image to `host` which is built from the repository, as
 * components/source-image.ts does it; none for another. The host builds, so that the image fits its architecture.
 */
export function imageBuild(stack: string, image: ImagePlan, host: HostPlan): string[] {
  if (image.kind === "reference") return [];
  const { folder } = image;
  const docker = host.docker === undefined ? "docker" : `docker --host ${word(host.docker)}`;
  return [
    `npx esbuild ${folder}/main.ts --bundle --platform=node --format=esm --target=node24 --outfile=dist/${folder}/${folder}.js`,
    `${docker} build --tag ${word(imageName(stack, image))} --build-arg NODE_IMAGE="\${ASCEND_PD_NODE_IMAGE:-node:24-slim}" ` +
      `--file ${folder}/Dockerfile dist/${folder}`,
  ];
}
