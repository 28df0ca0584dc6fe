import { notHostRankTable, notLocalRankTable } from "../../../rank-tables/dialects.ts";
import type { groupRoles, ServerGroups, ServerJson } from "../../../rank-tables/format.ts";
import { contradictions, type GlobalJson, type GroupJson } from "../../../rank-tables/problems.ts";
import { readTable, refuse } from "../../../rank-tables/reader.ts";
import { validateHostRankTable, validateLocalRankTable } from "../../../rank-tables/validators.js";

/*
 * Rank tables as they stand in their files, down to keys that nothing here reads: for comparing and merging them.
 * Both readers throw a RankTableError, like those of rank-table.ts.
 */

/** The entries of a global table: a whole one or, where groups are empty, that of one host before the merge. */
export function readServerGroups(text: string, where: string): ServerGroups {
  const table = readTable(text, where, validateHostRankTable, notHostRankTable);
  const { server_group_list: groups } = table as GlobalJson<readonly GroupJson[]>;
  refuse(where, contradictions(groups.map((group, index) => [`server_group_list[${index}].`, group])));
  const servers = (id: number) => groups.find(({ group_id }) => group_id === String(id))?.server_list ?? [];
  return { scheduler: servers(0), prefill: servers(1), decode: servers(2) };
}

/** The entry of a local table. */
export function readServer(text: string, where: string): ServerJson {
  const table = readTable(text, where, validateLocalRankTable, notLocalRankTable) as GroupJson;
  refuse(where, contradictions([["", table]]));
  return table.server_list[0];
}

/** The entries of several hosts in one table, role by role in the order of `tables`, which NODE_PORTS follows. */
export function mergeGroups(tables: readonly ServerGroups[]): ServerGroups {
  const servers = (role: (typeof groupRoles)[number]) => tables.flatMap((table) => table[role]);
  return { scheduler: servers("scheduler"), prefill: servers("prefill"), decode: servers("decode") };
}
