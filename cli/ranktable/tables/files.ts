import { error, type Problem } from "../../../problems/problem.ts";
import type { ServerGroups, ServerJson } from "../../../rank-tables/format.ts";

/** Rank tables of one deployment, each well formed in itself; `where` is a path. */
export type TableFile = GlobalFile | LocalFile;

export interface GlobalFile {
  readonly where: string;
  readonly groups: ServerGroups;
}

export interface LocalFile {
  readonly where: string;
  readonly server: ServerJson;
}

/** An entry of the global table. */
export interface Member {
  /** `prefill[0]`, by group and place. */
  readonly path: string;
  readonly server: ServerJson;
}

/** A problem and the file that it is in. */
export type FoundProblem = readonly [where: string, problem: Problem];

/** An error of a file. */
export const found = (where: string, ...parts: Parameters<typeof error>): FoundProblem => [
  where,
  error(...parts),
];
