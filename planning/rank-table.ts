import type { ErrorObject } from "ajv";
import { showPath } from "./path.ts";
import type { Problem } from "./plan.ts";
import { formatProblems } from "./problems.ts";
import { notGlobalRankTable, notLocalRankTable } from "./rank-table-dialects.ts";
import { validateGlobalRankTable, validateLocalRankTable } from "./rank-table-validators.js";

export interface GlobalRankTable {
  readonly scheduler: { readonly ip: string };
  readonly prefill: readonly RankTableEntry[];
  readonly decode: readonly RankTableEntry[];
}

/** One instance; several may have one `ip`. */
export interface RankTableEntry {
  readonly ip: string;
  /** In rank order. Empty for the scheduler. */
  readonly devices: readonly RankTableDevice[];
}

export interface RankTableDevice {
  /** Physical NPU id. */
  readonly deviceId: number;
  readonly deviceIp: string;
  readonly rankId: number;
}

/** A file that is not the rank table it should be; `message` lists every reason and needs no stack beside it. */
export class RankTableError extends Error {
  readonly problems: readonly Problem[];

  constructor(where: string, problems: readonly Problem[]) {
    super(formatProblems(where, problems));
    this.name = "RankTableError";
    this.problems = problems;
  }
}

/** Reads a global rank table. `where` names the file in the RankTableError that anything wrong with it throws. */
export function readGlobalRankTable(text: string, where: string): GlobalRankTable {
  const { server_group_list: groups } = read(
    text,
    where,
    validateGlobalRankTable,
    notGlobalRankTable,
  ) as GlobalJson;
  refuse(where, contradictions(groups.map((group, index) => [`server_group_list[${index}].`, group])));
  const [scheduler, prefill, decode] = groups;
  return {
    scheduler: { ip: scheduler.server_list[0].server_ip },
    prefill: prefill.server_list.map(entry),
    decode: decode.server_list.map(entry),
  };
}

/** Reads a local rank table, like `readGlobalRankTable`. */
export function readLocalRankTable(text: string, where: string): RankTableEntry {
  const table = read(text, where, validateLocalRankTable, notLocalRankTable) as GroupJson;
  refuse(where, contradictions([["", table]]));
  return entry(table.server_list[0]);
}

function entry({ server_ip, device = [] }: ServerJson): RankTableEntry {
  const devices = device.map(({ device_id, device_ip, rank_id }) => ({
    deviceId: Number(device_id),
    deviceIp: device_ip,
    rankId: Number(rank_id),
  }));
  return { ip: server_ip, devices: devices.sort((a, b) => a.rankId - b.rankId) };
}

/** What the validators have shown a table to be. */
interface GlobalJson {
  readonly server_group_list: readonly [GroupJson, GroupJson, GroupJson];
}
interface GroupJson {
  readonly server_count: string;
  readonly server_list: readonly [ServerJson, ...ServerJson[]];
}
interface ServerJson {
  readonly server_ip: string;
  readonly device?: readonly {
    readonly device_id: string;
    readonly device_ip: string;
    readonly rank_id: string;
  }[];
}

function read(
  text: string,
  where: string,
  validate: typeof validateGlobalRankTable,
  otherDialect: typeof notGlobalRankTable,
): unknown {
  const table = parse(text, where);
  const other = otherDialect(table);
  if (other !== undefined) refuse(where, [problem("PD202", "", `this is ${other}`, rewrite)]);
  if (!validate(table))
    refuse(
      where,
      (validate.errors ?? []).map((error) => schemaProblem(error, table)),
    );
  return table;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RankTableError(where, [problem("PD201", "", `not JSON: ${reason}`, rewrite)]);
  }
}

function refuse(where: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new RankTableError(where, problems);
}

const rewrite = "write the file anew, from a stack file or with the manual's pd_ranktable_tools.py";

function problem(code: string, path: string, message: string, fix: string): Problem {
  return { code, severity: "error", path: path || "(file)", message, fix };
}

function schemaProblem({ instancePath, keyword, params }: ErrorObject, table: unknown): Problem {
  const keys = instancePath.split("/").slice(1);
  const value = keys.reduce<unknown>((inner, key) => Object(inner)[key], table);
  const path = showPath(keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key)));
  const wrong = (message: string, fix: string) => problem("PD203", path, message, fix);
  const shown = JSON.stringify(value);
  if (keyword === "required") return wrong(`"${params.missingProperty}" is missing`, "add it");
  if (typeof value === "number") return wrong(`${value} is a number`, `write it as a string: "${value}"`);
  switch (keyword) {
    case "const":
      if (keys.at(-1) !== "status") return wrong(`${shown} should be "${params.allowedValue}"`, rewrite);
      return wrong(
        `${shown} says that the table is not complete`,
        "wait until it is; then its status is completed",
      );
    case "pattern": {
      const wanted =
        /_(id|count)$/.test(instancePath) && !instancePath.endsWith("server_id") ? "a number" : "an address";
      return wrong(`${shown} is not ${wanted}`, "put in the real value");
    }
    case "minItems":
      return wrong(`has too few entries, ${params.limit} are needed`, rewrite);
    case "maxItems":
      return wrong(`has more than ${params.limit} entries`, rewrite);
    default:
      return wrong(`${shown} should be of type ${params.type}`, rewrite);
  }
}

/** What a schema cannot say. Each group comes with the path that leads to its keys. */
function contradictions(groups: readonly (readonly [path: string, group: GroupJson])[]): Problem[] {
  const wrong = (path: string, message: string) => problem("PD204", path, message, rewrite);
  const devices = new Map<string, string>();
  return groups.flatMap(([path, { server_count, server_list }]) => {
    const count = server_list.length;
    const wrongCount =
      Number(server_count) === count
        ? []
        : [wrong(`${path}server_count`, `"${server_count}" while server_list has ${count} entries`)];
    const wrongServers = server_list.flatMap(({ server_ip, device = [] }, index) => {
      const server = `${path}server_list[${index}]`;
      const ranks = device.map(({ rank_id }) => Number(rank_id)).sort((a, b) => a - b);
      const wrongRanks = ranks.every((rank, position) => rank === position)
        ? []
        : [wrong(`${server}.device`, `rank ids ${ranks.join(", ")} are not 0 to ${ranks.length - 1}`)];
      const repeated = device.flatMap(({ device_id }, position) => {
        const key = `${server_ip} ${device_id}`;
        const first = devices.get(key);
        devices.set(key, first ?? server);
        if (first === undefined) return [];
        return [
          wrong(`${server}.device[${position}]`, `NPU ${device_id} of ${server_ip} is already in ${first}`),
        ];
      });
      return [...wrongRanks, ...repeated];
    });
    return [...wrongCount, ...wrongServers];
  });
}
