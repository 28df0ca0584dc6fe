import { nameOf, type ServerGroups } from "../../rank-tables/format.ts";

/** Every place of NODE_PORTS for a whole global table, in its order. */
export function nodePortsPlaces({ prefill, decode }: ServerGroups) {
  const places = (role: "prefill" | "decode", servers: ServerGroups["prefill"]) =>
    servers.map((server, index) => ({
      port: `PORT_OF_${role.toUpperCase()}_${index}`,
      instance: nameOf(server),
    }));
  return [...places("prefill", prefill), ...places("decode", decode)];
}

/** The line of the scheduler's start that has to follow the table's order, to be filled in. */
export function nodePortsSkeleton(groups: ServerGroups): string {
  const places = nodePortsPlaces(groups);
  const width = Math.max(...places.map(({ port }) => port.length));
  return [
    "the scheduler's NODE_PORTS, in the order of this table; put in the --port that each is started with:",
    `  export NODE_PORTS=${places.map(({ port }) => port).join(",")}`,
    ...places.map(({ port, instance }) => `  ${port.padEnd(width)}  ${instance}`),
  ].join("\n");
}
