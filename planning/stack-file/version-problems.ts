import { error, type Problem } from "../../problems/problem.ts";

/**
 * Those of stack files that this program reads, in order. The second number counts with what there is to say, and the first where files
 * that were valid must be edited.
 */
export const newestVersion = "1.0";
export const stackFileVersions = [newestVersion] as const;

/** PD005: a file of a version that this program does not know, of which it could not tell a new key from a misspelt one. */
export function versionProblems(input: unknown): Problem[] {
  const { version } = Object(input);
  if (version === undefined) return [];
  const wrong = (message: string, fix: string) => [error("PD005", "version", message, fix)];
  if (stackFileVersions.some((known) => known === version)) return [];
  const [, major] = /^(\d{1,6})\.\d{1,6}$/.exec(typeof version === "string" ? version : "") ?? [];
  if (major === undefined)
    return wrong("is no version of stack files", `write it in quotes: "${newestVersion}"`);
  const message = `the file is of version ${version}, and this ascend-pd reads ${stackFileVersions.join(", ")}`;
  if (Number(major) < Number.parseInt(newestVersion, 10))
    return wrong(message, `change it as CHANGELOG.md says, then write "${newestVersion}"`);
  return wrong(
    message,
    `use an ascend-pd that reads ${version}: npm install ascend-pd@latest, or git pull in a clone`,
  );
}
