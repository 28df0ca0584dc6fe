import { contains } from "../absolute-path.ts";
import type { Rule } from "./rule.ts";

/** Why: only workDir comes from the host; weights elsewhere must be in the image, or the engine finds none. */
export const modelInWorkDir: Rule = {
  code: "PD143",
  severity: "warning",
  title: "the model lies in workDir",
  check: ({ file: { engine, model } }) => {
    if (engine.kind !== "ascendcloud" || contains(engine.workDir.target, model.path)) return [];
    const message = `"${model.path}" is not in workDir, which containers see as ${engine.workDir.target}`;
    return [{ path: "model.path", message, fix: "mount the folder that holds it, unless the image does" }];
  },
};
