import type { Deployment } from "../stack-file/schema.ts";

export interface DeclaredMount {
  /** Where the stack file declares it: `engine.mounts[0]`. */
  readonly path: string;
  readonly source: string;
  readonly target: string;
}

/** What the stack file mounts, besides what the driver needs. */
export function declaredMounts({ engine }: Deployment): DeclaredMount[] {
  if (engine.kind !== "ascendcloud") return [];
  const { workDir, mounts } = engine;
  return [
    { path: "engine.workDir", ...workDir },
    ...mounts.map((mount, index) => ({ path: `engine.mounts[${index}]`, ...mount })),
  ];
}
