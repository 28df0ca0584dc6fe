import type { KubernetesPlan } from "../plan.ts";
import type { Rule } from "./rule.ts";

/**
 * A pod's name has `-0` behind it, and the label of its revision a hyphen and ten characters, of 63. MindCluster's operator and Kthena's put
 * indices into them besides.
 */
const longestOf = (form: KubernetesPlan["form"]): number => (form === "plain" ? 52 : 44);

export const namesFitKubernetes: Rule = {
  code: "PD181",
  severity: "error",
  title:
    "names of containers are names of objects, with a letter in front and of at most 52 characters, or 44 where an operator makes the objects (Kubernetes)",
  why: "The API server refuses other names, and of a StatefulSet with a longer one no pod is made.",
  source: "Kubernetes: object names and IDs, RFC 1035 and RFC 1123 labels; labels of StatefulSet pods",
  check: ({ stack, file, instances }) => {
    if (file.target === undefined) return [];
    if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(stack)) {
      const fix =
        "name the stack with small letters, digits and inner hyphens, a letter first, e.g. k8s-2p2d";
      return [{ path: "(stack name)", message: `"${stack}" cannot begin the name of an object`, fix }];
    }
    const longest = longestOf(file.target.form);
    return instances
      .filter(({ name }) => name.length > longest)
      .map(({ path, name }) => ({
        path: path === "scheduler" ? "(stack name)" : `${path}.name`,
        message: `"${name}" has ${name.length} characters, and ${longest} are the most`,
        fix: "choose a shorter one",
      }));
  },
};
