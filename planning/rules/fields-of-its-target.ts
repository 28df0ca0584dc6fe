import type { Rule } from "./rule.ts";

export const fieldsOfItsTarget: Rule = {
  code: "PD180",
  severity: "error",
  title:
    "what is said of Docker Engines is said of a stack on Docker Engines, and what is said of nodes of one with a `target`",
  why: "It would be ignored: the containers run where `target` says, and there alone.",
  source: "the stack file's schema, schemas/stack.schema.json",
  check: ({ file }) => {
    const given = (key: "docker" | "hostKey" | "node") =>
      Object.entries(file.hosts).flatMap(([name, host]) =>
        host[key] === undefined ? [] : [`hosts.${name}.${key}`],
      );
    if (file.target === undefined) {
      const message = "is for a node of a cluster, and the stack has none";
      return given("node").map((path) => ({ path, message, fix: "remove it, or give the stack a `target`" }));
    }
    const host = file.scheduler.host === undefined ? [] : ["scheduler.host"];
    return [...given("docker"), ...given("hostKey"), ...host].map((path) => ({
      path,
      message: "is for a Docker Engine, and the stack is for a cluster",
      fix:
        path === "scheduler.host" ? "remove it: any node may have the scheduler" : "remove it, or `target`",
    }));
  },
};
