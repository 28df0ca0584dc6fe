import type { HostPlan, ImagePlan } from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";
import { isClone } from "../../toolchain/repository.ts";
import { bundledScript } from "../../toolchain/source-image.ts";

/** What the image of a container is called on its host. */
export function imageName(stack: string, image: ImagePlan): string {
  return image.kind === "source" ? `ascend-pd/${image.folder}:${stack}` : image.name;
}

/**
 * The commands, for the project's folder, that bring an image to `host` which comes from the repository, as components/
 * does it; none for another. The host builds, so that the image fits its architecture.
 */
export function imageBuild(stack: string, image: ImagePlan, host: HostPlan): string[] {
  if (image.kind === "reference") return [];
  if (image.kind === "assembled") {
    const variable = host.docker === undefined ? "" : `DOCKER_HOST=${word(host.docker)} `;
    return [`${variable}npx ascend-pd toolchain vllm-image`];
  }
  const { folder } = image;
  const docker = host.docker === undefined ? "docker" : `docker --host ${word(host.docker)}`;
  return [
    bundleCommand(folder),
    `${docker} build --tag ${word(imageName(stack, image))} --build-arg NODE_IMAGE="\${ASCEND_PD_NODE_IMAGE:-node:24-slim}" ` +
      `--file ${rooms}${folder}/Dockerfile dist/${folder}`,
  ];
}

/** Where this project's folders are, from the folder in which commands are run. */
const rooms = isClone ? "" : "node_modules/ascend-pd/lib/";

/** Puts what the image of a folder's program is built from into `dist/`. */
export const bundleCommand = (folder: string): string =>
  isClone
    ? `npx esbuild ${folder}/main.ts --bundle --platform=node --format=esm --target=node24 --outfile=dist/${folder}/${folder}.js`
    : `mkdir -p dist/${folder} && cp ${rooms}${folder}/${bundledScript} dist/${folder}/${folder}.js`;
