import { isPlain } from "../container/absolute-path.ts";
import type { Rule } from "./rule.ts";

export const tlsFolderPlain: Rule = {
  code: "PD154",
  severity: "error",
  title: "`scheduler.tls.folder` is an absolute path without `.`, `..` and colon",
  why: "Docker refuses a bind mount of a relative path, takes what follows a colon for another path, and `..` hides where a path leads.",
  source: "Docker, bind mounts",
  check: ({ file: { scheduler } }) => {
    const { folder } = scheduler.tls ?? {};
    if (folder === undefined || (isPlain(folder) && !folder.includes(":"))) return [];
    const message = `"${folder}" is not an absolute path without \`.\`, \`..\` and colon`;
    return [{ path: "scheduler.tls.folder", message, fix: "write the path in full from /, e.g. /data/tls" }];
  },
};
