import { isDeepStrictEqual } from "node:util";
import { found, type Instance } from "../layout.ts";
import type { Topology } from "../topology.ts";
import type { Finding, Rule } from "./rule.ts";

export const instancesAlike: Rule = {
  code: "PD191",
  severity: "error",
  title: "instances of a role are alike, and have no rank tables (Kubernetes, form `model-serving`)",
  why: "All are made from one template, on any of their nodes.",
  source: "Kthena, ModelServing: a role has one `entryTemplate`, and of roles there are four at most",
  check: (topology) => {
    if (topology.file.target?.form !== "model-serving") return [];
    if (!topology.engine.isPublic) {
      const message =
        "each instance of this engine has a rank table of its own, and form model-serving one template";
      return [{ path: "target.form", message, fix: "set it to plain or infer-service-set" }];
    }
    return (["prefill", "decode"] as const).flatMap((role) => {
      const [first, ...others] = topology.instances.filter((one) => one.role === role);
      return others.flatMap((one) => unlike(topology, found(first), one));
    });
  },
};

const parts = ["port", "npus", "extraArgs", "extraEnv"] as const;
const keys = { port: "port", npus: "devices", extraArgs: "extraArgs", extraEnv: "extraEnv" };

function unlike({ hosts }: Topology, first: Instance, one: Instance): Finding[] {
  const interfaceOf = ({ host }: Instance) => hosts.find(({ name }) => name === host)?.interface;
  const message = `form model-serving makes all ${one.role} instances from one template, and ${first.path} has another`;
  const fix = `make it that of ${first.path}, or set target.form to plain`;
  const different = parts.filter((part) => !isDeepStrictEqual(one[part], first[part]));
  return [
    ...different.map((part) => ({ path: `${one.path}.${keys[part]}`, message, fix })),
    ...(interfaceOf(one) === interfaceOf(first)
      ? []
      : [{ path: `hosts.${one.host}.interface`, message, fix }]),
  ];
}
