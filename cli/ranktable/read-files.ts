import { readFileSync, statSync } from "node:fs";
import type { Problem } from "../../problems/problem.ts";
import { RankTableError } from "../../rank-tables/reader.ts";
import type { FoundProblem, TableFile } from "./tables/files.ts";
import { readServer, readServerGroups } from "./tables/servers.ts";

export interface ReadTables {
  readonly tables: readonly TableFile[];
  /** Of the files that are no rank tables, or none that hold together. */
  readonly problems: readonly FoundProblem[];
}

/** Reads every file as what it is, a global or a local table. */
export function readTables(paths: readonly string[]): ReadTables {
  const results = paths.map(readTableFile);
  return {
    tables: results.flatMap((result) => ("problems" in result ? [] : [result])),
    problems: results.flatMap((result) =>
      "problems" in result ? result.problems.map((one) => [result.where, one] as const) : [],
    ),
  };
}

function readTableFile(where: string): TableFile | { where: string; problems: readonly Problem[] } {
  try {
    const text = readText(where);
    const isLocal = /"group_id"/.test(text) && !/"server_group_list"/.test(text);
    if (isLocal) return { where, server: readServer(text, where) };
    return { where, groups: readServerGroups(text, where) };
  } catch (error) {
    if (error instanceof RankTableError) return { where, problems: error.problems };
    const message = `cannot be read: ${(error as Error).message}`;
    const fix = "name a rank table that is there and that you may read";
    return { where, problems: [{ code: "PD205", severity: "error", path: "(file)", message, fix }] };
  }
}

/** Ten thousand instances take a tenth of it. */
const mostBytes = 64 * 1024 * 1024;

function readText(path: string): string {
  const file = statSync(path);
  if (file.isDirectory()) throw new Error("it is a folder; a `docker run -v` may have made it");
  if (!file.isFile()) throw new Error("it is no regular file");
  if (file.size > mostBytes) throw new Error("it is larger than any rank table");
  return readFileSync(path, "utf8");
}
