import { isPlain } from "../container/absolute-path.ts";
import type { Rule } from "./rule.ts";

export const mountPaths: Rule = {
  code: "PD140",
  severity: "error",
  title: "the paths of a mount are absolute and without `.`, `..` and colon",
  why: "Docker refuses a bind mount of a relative path, takes what follows a colon for another path, and `..` hides where a path leads.",
  source: "Docker, bind mounts",
  check: ({ engine }) =>
    engine.mounts.flatMap((mount) =>
      (["source", "target"] as const)
        .filter((key) => !isPlain(mount[key]) || mount[key].includes(":"))
        .map((key) => ({
          path: `${mount.path}.${key}`,
          message: `"${mount[key]}" is not an absolute path without \`.\`, \`..\` and colon`,
          fix: "write the path in full from /, e.g. /data/models",
        })),
    ),
};
