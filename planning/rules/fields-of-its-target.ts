import type { Rule } from "./rule.ts";

const fixes: Readonly<Record<string, string>> = {
  "scheduler.host": "remove it: any node may have the scheduler",
  "scheduler.tls": "remove it, and have the cluster's ingress end TLS",
  monitoring:
    "remove it, and have the cluster's own Prometheus scrape the pods, which takes a network policy that lets it to them",
};

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
    const tls = file.scheduler.tls === undefined ? [] : ["scheduler.tls"];
    const monitoring = file.monitoring === undefined ? [] : ["monitoring"];
    return [...given("docker"), ...given("hostKey"), ...host, ...tls, ...monitoring].map((path) => ({
      path,
      message: "is for a Docker Engine, and the stack is for a cluster",
      fix: fixes[path] ?? "remove it, or `target`",
    }));
  },
};
