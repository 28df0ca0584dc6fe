/*
 * The manual's rank tables as JSON. Keys, their order, the indent of four and strings for all numbers are those of
 * the manual's tool; HCCL refuses a number that is not a string.
 */

/** An instance's entry. */
export interface ServerJson {
  readonly server_id: string;
  readonly server_ip: string;
  /** The scheduler's entry has none. */
  readonly device?: readonly DeviceJson[];
}

export interface DeviceJson {
  readonly device_id: string;
  readonly device_ip: string;
  readonly rank_id: string;
}

/** In the order of the groups: 0 the scheduler, 1 prefill, 2 decode. */
export const groupRoles = ["scheduler", "prefill", "decode"] as const;

/** The entries of a global table. */
export type ServerGroups = Readonly<Record<(typeof groupRoles)[number], readonly ServerJson[]>>;

/** The entry of an instance on the NPUs `devices`; its rank order is theirs. */
export function serverJson(ip: string, devices: readonly (readonly [id: number, ip: string])[]): ServerJson {
  const device = devices.map(([id, deviceIp], rank) => ({
    device_id: String(id),
    device_ip: deviceIp,
    rank_id: String(rank),
  }));
  return { server_id: ip, server_ip: ip, ...(device.length > 0 && { device }) };
}

/** A global table; that of one host before the merge has only the groups it has servers for. */
export function globalTable(groups: ServerGroups): string {
  const serverGroups = groupRoles.flatMap((role, id) => {
    const servers = groups[role];
    if (servers.length === 0) return [];
    return [{ group_id: String(id), server_count: String(servers.length), server_list: servers }];
  });
  return json({ version: "1.0", status: "completed", server_group_list: serverGroups });
}

/** The table that tells an instance which entry of the global one it is, and by that its role. */
export function localTable(server: ServerJson): string {
  return json({
    version: "1.0",
    status: "completed",
    group_id: "0",
    server_count: "1",
    server_list: [server],
  });
}

const json = (table: object): string => JSON.stringify(table, null, 4);

export const idsOf = ({ device = [] }: ServerJson): string[] => device.map(({ device_id }) => device_id);

/** For messages: `10.0.0.18 NPUs 4,5`. */
export const nameOf = (server: ServerJson): string =>
  server.device === undefined ? server.server_ip : `${server.server_ip} NPUs ${idsOf(server).join(",")}`;

/** What a whole global table has and `groups` lack. */
export const missingRoles = (groups: ServerGroups) => groupRoles.filter((role) => groups[role].length === 0);
