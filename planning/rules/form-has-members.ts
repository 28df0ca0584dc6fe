import { isHead } from "../layout.ts";
import type { Rule } from "./rule.ts";

export const formHasMembers: Rule = {
  code: "PD190",
  severity: "error",
  title: "an instance over several nodes has the form `plain` (Kubernetes)",
  why: "Its pods have commands and nodes of their own, which the template of an InferServiceSet or ModelServing has no words for.",
  source: "MindCluster, InferServiceSet: `spec` of a role; Kthena, ModelServing: `workerTemplate`",
  check: ({ file, instances }) => {
    const form = file.target?.form ?? "plain";
    if (form === "plain") return [];
    return instances
      .filter((one) => one.member !== undefined && isHead(one))
      .map(({ path }) => ({
        path: `${path}.hosts`,
        message: `form ${form} makes the pods of an instance from one template, and these differ`,
        fix: "set target.form to plain, or leave it out",
      }));
  },
};
