import { existsSync, readFileSync } from "node:fs";
import { isObject } from "./json.ts";
import { UsageError } from "./usage-error.ts";

export type Role = "prefill" | "decode";

/** Which instance this is, by its rank tables. */
export interface Placement {
  /** Known by the global table alone. */
  readonly role: Role | undefined;
  readonly serverIp: string;
  /** Physical NPU ids in rank order. */
  readonly deviceIds: readonly string[];
}

export interface RankTable {
  readonly path: string;
  readonly content: unknown;
}

interface Server {
  readonly ip: string;
  readonly deviceIds: readonly string[];
  /** All that makes the entry what it is; equal entries have equal ones. */
  readonly identity: string;
}

const GROUP_ROLES: readonly (readonly [groupId: string, role: Role])[] = [
  ["1", "prefill"],
  ["2", "decode"],
];

/** The placement by the tables that the environment names; undefined when it names none. Throws UsageError. */
export function readPlacement(env: NodeJS.ProcessEnv): Placement | undefined {
  const local = env.RANK_TABLE_FILE_PATH;
  const global = env.GLOBAL_RANK_TABLE_FILE_PATH;
  if (!local && !global) return undefined;
  if (!local) {
    throw new UsageError(
      "GLOBAL_RANK_TABLE_FILE_PATH is set without RANK_TABLE_FILE_PATH",
      "set both, or RANK_TABLE_FILE_PATH alone, or neither and give --role",
    );
  }
  return placementOf(readTable(local), global ? readTable(global) : undefined);
}

/** With `global`, the role is the group in which the local table's only entry stands there. Throws UsageError. */
export function placementOf(local: RankTable, global: RankTable | undefined): Placement {
  const [own, ...others] = servers(
    local.path,
    isObject(local.content) ? local.content.server_list : undefined,
  );
  if (own === undefined || others.length > 0) {
    throw new UsageError(
      `${local.path}: server_list must have exactly one entry`,
      "give the table of one instance",
    );
  }
  if (own.deviceIds.length === 0) {
    throw new UsageError(
      `${local.path}: the entry has no devices, so it is the scheduler's`,
      "give the local rank table of a prefill or decode instance",
    );
  }
  const placement = { serverIp: own.ip, deviceIds: own.deviceIds };
  if (global === undefined) return { role: undefined, ...placement };
  const entries = globalEntries(global);
  const matches = entries.filter(({ server }) => server.identity === own.identity);
  const [match] = matches;
  if (match === undefined) {
    const sameDevices = entries.find(({ server }) => show(server) === show(own));
    const listed = entries.map(({ role, server }) => `${role} ${show(server)}`).join(", ");
    throw new UsageError(
      sameDevices === undefined
        ? `${local.path}: its entry ${show(own)} is not in ${global.path}, which lists ${listed || "no instance"}`
        : `${local.path}: its entry ${show(own)} differs in server_id, device_ip or rank_id from ${global.path}`,
      "make both tables in one go: a local table repeats its entry of the global one exactly",
    );
  }
  if (matches.length > 1) {
    throw new UsageError(
      `${global.path}: the entry ${show(own)} is there ${matches.length} times`,
      "a device belongs to one instance",
    );
  }
  return { role: match.role, ...placement };
}

/** Throws UsageError when a device of the placement has no node below `folder`. */
export function checkDevices(placement: Placement, folder = "/dev"): void {
  const missing = placement.deviceIds
    .map((id) => `${folder}/davinci${id}`)
    .filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  throw new UsageError(
    `the rank table gives this instance NPUs ${placement.deviceIds}, but there is no ${missing.join(", ")}`,
    "start the container with one --device for each NPU of its rank table",
  );
}

function globalEntries({ path, content }: RankTable): { role: Role; server: Server }[] {
  const groups =
    isObject(content) && Array.isArray(content.server_group_list) ? content.server_group_list : [];
  return GROUP_ROLES.flatMap(([groupId, role]) => {
    const group: unknown = groups.find((candidate) => isObject(candidate) && candidate.group_id === groupId);
    if (!isObject(group)) {
      throw new UsageError(
        `${path}: server_group_list has no group with group_id "${groupId}" (${role})`,
        "give the global rank table, merged over all hosts",
      );
    }
    return servers(path, group.server_list).map((server) => ({ role, server }));
  });
}

function servers(path: string, list: unknown): Server[] {
  if (!Array.isArray(list)) throw malformed(path, "server_list is not a list");
  return list.map((entry: unknown) => {
    const devices = isObject(entry) ? (entry.device ?? []) : [];
    if (!Array.isArray(devices)) throw malformed(path, "device is not a list");
    const ids = devices.map((device) => strings(path, device, ["device_id", "device_ip", "rank_id"]));
    const [serverId = "", ip = ""] = strings(path, entry, ["server_id", "server_ip"]);
    const deviceIds = ids.map(([deviceId = ""]) => deviceId);
    return { ip, deviceIds, identity: JSON.stringify([serverId, ip, ids]) };
  });
}

function strings(path: string, value: unknown, names: readonly string[]): string[] {
  return names.map((name) => {
    const field = isObject(value) ? value[name] : undefined;
    if (typeof field !== "string") throw malformed(path, `${name} is not a string`);
    return field;
  });
}

const malformed = (path: string, reason: string): UsageError =>
  new UsageError(`${path}: ${reason}`, "every scalar of a rank table is a JSON string");

const show = ({ ip, deviceIds }: Server): string => `${ip} [${deviceIds.join(",")}]`;

function readTable(path: string): RankTable {
  try {
    return { path, content: JSON.parse(readFileSync(path, "utf8")) };
  } catch (error) {
    throw new UsageError(
      `cannot read the rank table ${path}: ${error instanceof Error ? error.message : error}`,
      "check the path that the environment variable gives, and the file",
    );
  }
}
