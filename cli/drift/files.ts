import type { ArchivedFile } from "../../docker/archive.ts";
import { firstDifference } from "../../problems/difference.ts";
import type { Difference } from "./finding.ts";
import type { DockerContainer } from "./properties.ts";

export type Upload = DockerContainer["uploads"][number];

/** What the engine gave for the path of an upload, or why it gave no file. */
export type SeenFile = ArchivedFile | { readonly problem: string };

/** How a file in a container differs from what was placed there, as root's: the first place of its JSON, its mode. */
export function fileDifferences({ file, content, permissions }: Upload, seen: SeenFile): Difference[] {
  if ("problem" in seen) return [{ what: file, planned: "a file", there: seen.problem }];
  const mode = `0${seen.mode.toString(8)}`;
  return [
    ...(seen.content === content ? [] : [contentDifference(file, content, seen.content)]),
    ...(mode === permissions ? [] : [{ what: `${file} mode`, planned: permissions, there: mode }]),
    ...(seen.owner === 0 ? [] : [{ what: `${file} owner`, planned: "0", there: String(seen.owner) }]),
  ];
}

function contentDifference(file: string, planned: string, there: string): Difference {
  try {
    const difference = firstDifference(JSON.parse(there), JSON.parse(planned));
    if (difference === undefined)
      return { what: file, planned: "its text", there: "the same values, written in another way" };
    const { path, found, wanted } = difference;
    return { what: `${file} ${path}`.trimEnd(), planned: brief(wanted), there: brief(found) };
  } catch {
    return { what: file, planned: `${planned.length} characters`, there: `${there.length} others` };
  }
}

function brief(value: unknown): string {
  if (value === undefined) return "none";
  return Array.isArray(value) ? `a list of ${value.length}` : (JSON.stringify(value) ?? "");
}
