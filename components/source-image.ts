import { mkdirSync, writeFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { sourceImage } from "../toolchain/source-image.ts";

export interface SourceImageArgs {
  /** Folder of this repository that holds `main.ts` and a Dockerfile. */
  readonly folder: string;
  /** Image that the Dockerfile starts from. */
  readonly nodeImage: string;
  /** What puts `nodeImage` into the host's engine. */
  readonly base: pulumi.Resource;
  readonly provider: docker.Provider;
}

/** An image built on its host from a folder of this repository; a preview knows its name. */
export class SourceImage extends pulumi.ComponentResource {
  /** Known at preview. */
  readonly imageName: string;
  readonly image: docker.RemoteImage;

  constructor(name: string, args: SourceImageArgs, options?: pulumi.ComponentResourceOptions) {
    const { folder, nodeImage, base, provider } = args;
    const { name: imageName, dockerfile, script } = sourceImage(folder, pulumi.getStack(), nodeImage);
    super("ascend-pd:index:SourceImage", name, { imageName, nodeImage }, options);

    const context = `dist/${folder}`;
    mkdirSync(context, { recursive: true });
    writeFileSync(`${context}/Dockerfile`, dockerfile);
    writeFileSync(`${context}/${folder}.js`, script);

    this.imageName = imageName;
    this.image = new docker.RemoteImage(
      name,
      {
        name: imageName,
        // The default builder would build on this machine also for a host behind ssh://.
        build: {
          context,
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
