import { headNameOf } from "../../planning/member-name.ts";
import { type Change, isContainer } from "./change.ts";

/** Changes of instances, each with what changes of its members: nobody takes one of them out alone. */
export function byInstance(changes: readonly Change[]): Change[] {
  const groups = Map.groupBy(changes, (change) => `${change.subject} ${nameOf(change)}`);
  return [...groups.values()].flatMap((group) => {
    const head = group.find((change) => change.name === nameOf(change));
    const [first] = group;
    if (first === undefined || (group.length === 1 && head !== undefined)) return group;
    const properties = new Map(
      group.flatMap((change) => change.properties).map((one) => [JSON.stringify(one), one]),
    );
    return [
      {
        ...(head ?? { ...first, name: nameOf(first), operation: "update" as const }),
        properties: [...properties.values()].sort((a, b) => (a.property < b.property ? -1 : 1)),
      },
    ];
  });
}

const nameOf = (change: Change): string => (isContainer(change) ? headNameOf(change.name) : change.name);
