import { mkdirSync, writeFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { isClone } from "../toolchain/repository.ts";
import { sourceImage } from "../toolchain/source-image.ts";

/** What an image is built from: a folder for Docker's builder. */
export interface BuildContext {
  /** The image's name, by its content. */
  readonly imageName: string;
  readonly nodeImage: string;
  readonly path: string;
}

/** From the program's folder; another machine has the same. */
const contexts = isClone ? "dist" : "node_modules/.cache/ascend-pd";

/** Written once for all hosts: bundling takes longer than anything else of a preview. */
export function buildContext(folder: string, nodeImage: string): BuildContext {
  const { name: imageName, dockerfile, script } = sourceImage(folder, pulumi.getStack(), nodeImage);
  const path = `${contexts}/${folder}`;
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/Dockerfile`, dockerfile);
  writeFileSync(`${path}/${folder}.js`, script);
  return { imageName, nodeImage, path };
}

export interface SourceImageArgs {
  readonly context: BuildContext;
  /** What puts the context's `nodeImage` into the host's engine. */
  readonly base: pulumi.Resource;
  readonly provider: docker.Provider;
}

/** An image built on its host from a folder of this repository; a preview knows its name. */
export class SourceImage extends pulumi.ComponentResource {
  /** Known at preview. */
  readonly imageName: string;
  readonly image: docker.RemoteImage;

  constructor(name: string, args: SourceImageArgs, options?: pulumi.ComponentResourceOptions) {
    const { context, base, provider } = args;
    const { imageName, nodeImage, path } = context;
    super("ascend-pd:index:SourceImage", name, { imageName, nodeImage }, options);
    this.imageName = imageName;
    this.image = new docker.RemoteImage(
      name,
      {
        name: imageName,
        // The default builder would build on this machine also for a host behind ssh://.
        build: {
          context: path,
          dockerfile: "Dockerfile",
          buildArgs: { NODE_IMAGE: nodeImage },
          useLegacyBuilder: true,
        },
      },
      { parent: this, provider, dependsOn: [base] },
    );
    this.registerOutputs({ imageName });
  }
}
