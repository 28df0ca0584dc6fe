import { z } from "zod";
import { text } from "../stack-file/words.ts";
import type { DeclaredMount } from "./engine.ts";

/*
 * The image of an engine that is not ours, and the folders of the host that a stack file mounts into its containers.
 */

export const image = (description: string) =>
  z
    .string()
    .regex(/^[a-zA-Z0-9][\w./:@-]*$/, { error: "is not an image's name or id" })
    .describe(description);

const source = text("absolute folder or file of the host, which must exist, e.g. /data/models");

/** `noPlace`: where in the container nothing may be mounted. */
export function folders(noPlace: string, example: string) {
  const target = text(
    `absolute place in the container, not at, under or above ${noPlace}, e.g. /data/models`,
  );
  return {
    workDir: z
      .strictObject({ source, target })
      .describe("folder with the model weights, mounted into every instance, read and write"),
    mounts: z
      .array(
        z.strictObject({
          source,
          target,
          readOnly: z
            .boolean()
            .default(true)
            .describe("whether containers can only read it, true or false, default true"),
        }),
      )
      .default([])
      .describe(
        `more folders or files of the host for every instance, beside workDir and those that the driver needs, e.g. [${example}]`,
      ),
  };
}

type Place = Pick<DeclaredMount, "source" | "target">;

export const declaredFolders = (workDir: Place, mounts: readonly Place[]): DeclaredMount[] => [
  { path: "engine.workDir", isFolder: true, source: workDir.source, target: workDir.target },
  ...mounts.map(({ source, target }, index) => ({
    path: `engine.mounts[${index}]`,
    isFolder: false,
    source,
    target,
  })),
];
