import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { FilePlan } from "../planning/plan.ts";

export interface RankTableFileArgs {
  readonly file: FilePlan;
}

/**
 * A rank table as a resource of its own, so that a preview shows which table changed and how. It reaches its
 * containers as an upload: it arrives with the container and cannot be stale.
 */
export class RankTableFile extends pulumi.ComponentResource {
  constructor(name: string, { file }: RankTableFileArgs, options?: pulumi.ComponentResourceOptions) {
    const sha256 = createHash("sha256").update(file.content).digest("hex");
    super(
      "ascend-pd:index:RankTableFile",
      name,
      { path: file.path, table: JSON.parse(file.content), sha256 },
      options,
    );
    this.registerOutputs({ sha256 });
  }
}
