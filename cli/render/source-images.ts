import type { HostPlan, ImagePlan } from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";

/** What the image of a container is called on its host. */
export function imageName(stack: string, image: ImagePlan): string {
  return image.kind === "source" ? `ascend-pd/${image.folder}:${stack}` : image.name;
}

/**
 * The commands, for a clone of this repository, that bring an image to `host` which comes from the repository, as
 * components/ does it; none for another. The host builds, so that the image fits its architecture.
 */
export function imageBuild(stack: string, image: ImagePlan, host: HostPlan): string[] {
  if (image.kind === "reference") return [];
  if (image.kind === "assembled") {
    const variable = host.docker === undefined ? "" : `DOCKER_HOST=${word(host.docker)} `;
    return [`${variable}npm run toolchain -- vllm-image`];
  }
  const { folder } = image;
  const docker = host.docker === undefined ? "docker" : `docker --host ${word(host.docker)}`;
  return [
    bundleCommand(folder),
    `${docker} build --tag ${word(imageName(stack, image))} --build-arg NODE_IMAGE="\${ASCEND_PD_NODE_IMAGE:-node:24-slim}" ` +
      `--file ${folder}/Dockerfile dist/${folder}`,
  ];
}

/** Makes one file of a folder's program, in a clone of this repository: all that its image is built from. */
export const bundleCommand = (folder: string): string =>
  `npx esbuild ${folder}/main.ts --bundle --platform=node --format=esm --target=node24 --outfile=dist/${folder}/${folder}.js`;
