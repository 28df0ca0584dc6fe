import type { HostPlan } from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";

/*
 * Commands that mend a drift, ready to paste. Each was tried on the engine: after it there is no drift, and a preview
 * shows no change.
 */

export const up = (stack: string, ...flags: readonly string[]): string =>
  ["pulumi up", `--stack ${word(stack)}`, ...flags].join(" ");

export function docker({ docker: engine }: HostPlan, ...words: readonly string[]): string {
  const host = engine === undefined ? [] : ["--host", engine];
  return ["docker", ...host, ...words].map(word).join(" ");
}

/** For a container that is the one Pulumi knows: it is drained, deleted and made again. */
export const replace = (stack: string, name: string): string =>
  up(stack, `--replace ${word(`**:Container::${name}`)}`);

/** For a scheduler that runs: its files are placed in it again, and it reads them. */
export const renew = (stack: string, name: string): string =>
  up(stack, `--replace ${word(`**::${name}-settled`)}`);

/** For any container: Pulumi makes one again whose name is free, and fails where it is taken. */
export const removeAndMake = (stack: string, host: HostPlan, name: string): string =>
  `${docker(host, "rm", "--force", name)} && ${up(stack, "--refresh")}`;
