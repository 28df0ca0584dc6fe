import { overlap } from "../absolute-path.ts";
import type { Rule } from "./rule.ts";

const home = "/home/ma-user";

/**
 * Why: the image lives in that home; a mount there hides it, and the image cannot be used.
 * Source: the manual, step two: a container must not be mounted to /home/ma-user.
 */
export const workDirBesideHome: Rule = {
  code: "PD141",
  severity: "error",
  title: "workDir is mounted neither at nor under nor above /home/ma-user",
  check: ({ file: { engine } }) => {
    if (engine.kind !== "ascendcloud" || !overlap(engine.workDir.target, home)) return [];
    const message = `"${engine.workDir.target}" hides ${home}, where the image lives`;
    return [{ path: "engine.workDir.target", message, fix: "mount it elsewhere, e.g. to /data/models" }];
  },
};
