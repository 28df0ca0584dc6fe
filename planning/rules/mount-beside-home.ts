import { overlap } from "../container/absolute-path.ts";
import { declaredMounts } from "./mounts.ts";
import type { Rule } from "./rule.ts";

const home = "/home/ma-user";

export const mountBesideHome: Rule = {
  code: "PD141",
  severity: "error",
  title: "nothing is mounted at, under or above /home/ma-user",
  why: "The image lives in that home; a mount there conflicts with it, and the image cannot be used.",
  source: "the manual, steps two to four, the note on mounts",
  check: ({ file }) =>
    declaredMounts(file)
      .filter(({ target }) => overlap(target, home))
      .map(({ path, target }) => ({
        path: `${path}.target`,
        message: `"${target}" hides or lies in ${home}, where the image lives`,
        fix: "mount it elsewhere, e.g. to /data/models",
      })),
};
