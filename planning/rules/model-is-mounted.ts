import { contains } from "../container/absolute-path.ts";
import type { Rule } from "./rule.ts";

export const modelIsMounted: Rule = {
  code: "PD143",
  severity: "warning",
  title: "the model lies in a folder that is mounted",
  why: "Nothing else comes from the host: weights elsewhere must be in the image, or the engine finds none.",
  source: "the manual, steps two and three: the work directory and `--model`",
  check: ({ file, engine: { mounts } }) => {
    const { path } = file.model;
    if (mounts.length === 0 || mounts.some(({ target }) => contains(target, path))) return [];
    const message = `"${path}" is in none of the folders that are mounted: ${mounts.map(({ target }) => target).join(", ")}`;
    return [{ path: "model.path", message, fix: "mount the folder that holds it, unless the image does" }];
  },
};
