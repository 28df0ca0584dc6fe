import { overlap } from "../container/absolute-path.ts";
import type { Rule } from "./rule.ts";

export const mountBesideHome: Rule = {
  code: "PD141",
  severity: "error",
  title: "nothing is mounted at, under or above a folder in which the image lives",
  why: "AscendCloud's image lives in /home/ma-user, vllm-ascend's in /vllm-workspace and the CANN toolkit; a mount there conflicts with it, and the image cannot be used.",
  source: "the manual, steps two to four, the note on mounts; vllm-ascend, `Dockerfile`",
  check: ({ engine }) =>
    engine.mounts.flatMap(({ path, target }) => {
      const home = engine.imageFolders.find((folder) => overlap(target, folder));
      if (home === undefined) return [];
      const message = `"${target}" hides or lies in ${home}, where the image lives`;
      return [{ path: `${path}.target`, message, fix: "mount it elsewhere, e.g. to /data/models" }];
    }),
};
