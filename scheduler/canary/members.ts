import type { Instance } from "../instances/instances.ts";

/** The instances, as those see them who say which get requests. */
export interface Members {
  readonly instances: readonly Instance[];
  /** Which of them get requests has changed. */
  recheck(): void;
}
