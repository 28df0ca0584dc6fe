import { repeated } from "../../problems/repeated.ts";
import { normal } from "../container/absolute-path.ts";
import type { Rule } from "./rule.ts";

export const mountTargetsDistinct: Rule = {
  code: "PD144",
  severity: "error",
  title: "a place in the container is mounted once",
  why: "Docker refuses a container with two mounts at one place.",
  source: "Docker: `Duplicate mount point`",
  check: ({ engine }) =>
    repeated(engine.mounts, ({ target }) => normal(target)).map(([{ path, target }, first]) => ({
      path: `${path}.target`,
      message: `"${target}" is already the target of ${first.path}`,
      fix: "mount it elsewhere, or remove it",
    })),
};
