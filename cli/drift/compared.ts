import type { Container, Image } from "../../docker/answers.ts";
import type { ImagePlan, Plan } from "../../planning/plan.ts";
import type { Deployed } from "./deployed.ts";
import type { SeenFile } from "./files.ts";

/** What a host's engine says. */
export interface HostAnswer {
  /** Those that run, those of the stack, and those with a name that the Plan gives. */
  readonly containers: readonly Container[];
  /** By name and by id, as far as the host has them: the images of the stack's containers. */
  readonly images: ReadonlyMap<string, Image>;
  /** By the container's id, then by path. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, SeenFile>>;
  /** What its tools printed of the NPUs that the stack has there; absent where it has none. */
  readonly tools?: { readonly output: string; readonly failure?: string };
}

export interface Compared {
  readonly plan: Plan;
  /** What an image is called on its host. */
  readonly imageName: (image: ImagePlan) => string;
  /** What Pulumi brought up; undefined where that cannot be known. */
  readonly deployed: Deployed | undefined;
}
