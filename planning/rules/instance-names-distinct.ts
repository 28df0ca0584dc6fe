import { repeated } from "../../problems/repeated.ts";
import { type Instance, isHead } from "../layout.ts";
import { memberName } from "../member-name.ts";
import type { Rule } from "./rule.ts";

export const instanceNamesDistinct: Rule = {
  code: "PD119",
  severity: "error",
  title: "a name belongs to one instance",
  why: "Its container and its resources are called by it, so two would be one. An instance without a name has that of its place; a place of the other role would mislead.",
  source: "Docker and Pulumi: two things of one kind cannot have one name",
  check: (topology) => {
    const instances = topology.instances.filter(isHead);
    // Who has its name from its place was there first, wherever the other one stands.
    const inOrder = [...instances].sort((a, b) => Number(hasOwnPlace(b)) - Number(hasOwnPlace(a)));
    const another = (name: string) => {
      let number = 2;
      while (instances.some(({ shortName }) => shortName === `${name}-${number}`)) number++;
      return `choose another, e.g. ${name}-${number}`;
    };
    const taken = repeated(inOrder, ({ shortName }) => shortName).map(([{ path, shortName }, first]) => {
      const isPlace = first.role !== "scheduler" && hasOwnPlace(first);
      return {
        path: `${path}.name`,
        message: `"${shortName}" is the name of ${first.path} on ${first.host}${isPlace ? ", by its place" : ""}`,
        fix: isPlace ? `choose another, or give ${first.path} one too` : another(shortName),
      };
    });
    const misleading = instances.flatMap(({ path, role, host, shortName }) => {
      const [, other = role] = /^(prefill|decode)-\d+$/.exec(shortName) ?? [];
      if (other === role) return [];
      const message = `"${shortName}", of ${role} on ${host}, is the name of a place in \`${other}\``;
      return [{ path: `${path}.name`, message, fix: `choose another, e.g. ${role}-a` }];
    });
    const members = instances.flatMap(({ path, shortName }) => {
      const [, head] = memberName.exec(shortName) ?? [];
      if (head === undefined) return [];
      const message = `"${shortName}" is what the container of ${head} on another of its hosts is called`;
      return [{ path: `${path}.name`, message, fix: "choose another, without `-member-`" }];
    });
    const watchers = topology.file.monitoring === undefined ? [] : ["prometheus", "grafana"];
    const watching = instances.flatMap(({ path, shortName }) => {
      if (!watchers.includes(shortName)) return [];
      const message = `"${shortName}" is what a container of \`monitoring\` is called`;
      return [{ path: `${path}.name`, message, fix: another(shortName) }];
    });
    return [...taken, ...misleading, ...members, ...watching];
  },
};

/** `prefill-0` of `prefill[0]`; the scheduler has its own in any case. */
const hasOwnPlace = ({ path, shortName }: Instance) => path.replace(/\[(\d+)\]$/, "-$1") === shortName;
