import { engineKey } from "../credentials/engine-key.ts";
import type { Rule } from "./rule.ts";

export const keysOfClientsToo: Rule = {
  code: "PD156",
  severity: "warning",
  title: "where engines want a key the scheduler wants keys of its clients",
  why: "The scheduler shows the engines' key for everybody who reaches its port, so that key keeps nobody out.",
  source: "this repository's scheduler (docs/secrets.md)",
  check: ({ engine, file: { scheduler, target } }) => {
    if (scheduler.runtime !== "ascend-pd" || scheduler.apiKeys.length > 0) return [];
    // `up` cannot ask such a scheduler through a cluster's API server.
    if (target !== undefined) return [];
    if (!engine.extras.secretEnv.includes(engineKey)) return [];
    return [
      {
        path: "scheduler.apiKeys",
        message: `engines want a key (${engineKey}), and the scheduler asks for them whoever asks it`,
        fix: "add the line of a client's key, which `ascend-pd key new NAME` makes",
      },
    ];
  },
};
