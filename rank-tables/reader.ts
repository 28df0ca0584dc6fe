import { formatProblems, type Problem } from "../problems/problem.ts";
import { notGlobalRankTable, notLocalRankTable } from "./dialects.ts";
import type { ServerJson } from "./format.ts";
import {
  contradictions,
  depthProblems,
  type GlobalJson,
  type GroupJson,
  repeatedKeyProblem,
  schemaProblems,
  wholeFileProblem,
} from "./problems.ts";
import { structureOf } from "./structure.ts";
import { validateGlobalRankTable, validateLocalRankTable } from "./validators.js";

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
  const table = readTable(text, where, validateGlobalRankTable, notGlobalRankTable) as GlobalJson;
  const groups = table.server_group_list;
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
  const table = readTable(text, where, validateLocalRankTable, notLocalRankTable) as GroupJson;
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

/** `text` as JSON that `validate` accepts; RankTableError names the file of another system that `otherDialect` sees. */
export function readTable(
  text: string,
  where: string,
  validate: typeof validateGlobalRankTable,
  otherDialect: typeof notGlobalRankTable,
): unknown {
  const table = parse(text, where);
  const { repeated, depth } = structureOf(text);
  if (repeated !== undefined) refuse(where, [repeatedKeyProblem(repeated)]);
  const other = otherDialect(table);
  if (other !== undefined) refuse(where, [wholeFileProblem("PD202", `this is ${other}`)]);
  if (!validate(table)) refuse(where, schemaProblems(validate.errors ?? [], table));
  refuse(where, depthProblems(depth));
  return table;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = text.startsWith("\uFEFF") ? "it begins with a byte order mark" : (error as Error).message;
    throw new RankTableError(where, [wholeFileProblem("PD201", `not JSON: ${reason}`)]);
  }
}

export function refuse(where: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new RankTableError(where, problems);
}
