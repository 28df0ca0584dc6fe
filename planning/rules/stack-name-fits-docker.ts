import type { Rule } from "./rule.ts";

export const stackNameFitsDocker: Rule = {
  code: "PD100",
  severity: "error",
  title: "the stack's name can begin a container name",
  why: "Container names start with the stack's name, and Docker wants a letter or digit first.",
  source: "Docker: container names",
  check: ({ stack }) => {
    if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(stack)) return [];
    const message = `"${stack}" cannot begin a container name`;
    return [{ path: "(stack name)", message, fix: "name the stack with a letter or digit first, e.g. 2p2d" }];
  },
};
