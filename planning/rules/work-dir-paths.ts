import { isPlain } from "../absolute-path.ts";
import type { Rule } from "./rule.ts";

/** Why: Docker refuses a bind mount of a relative path, and `..` hides from other rules where a path leads. */
export const workDirPaths: Rule = {
  code: "PD140",
  severity: "error",
  title: "the paths of workDir are absolute and without `.` and `..`",
  check: ({ file: { engine } }) => {
    if (engine.kind !== "ascendcloud") return [];
    return (["source", "target"] as const)
      .filter((key) => !isPlain(engine.workDir[key]))
      .map((key) => ({
        path: `engine.workDir.${key}`,
        message: `"${engine.workDir[key]}" is not an absolute path without \`.\` and \`..\``,
        fix: "write the path in full from /, e.g. /data/models",
      }));
  },
};
