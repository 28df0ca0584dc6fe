import type { Role } from "../plan.ts";
import { hostNetworkLabel, hostNetworkReason } from "./host-network.ts";

/** What every container has, whatever the stack file says: for all renderers of a Plan. */
export const everyContainer = {
  network: "host",
  restart: "unless-stopped",
  logDriver: "json-file",
  logOptions: { "max-size": "50m", "max-file": "3" },
  /** Of the files that are placed in it; their owner is root. */
  fileMode: "0644",
} as const;

/** What a container has besides when its Plan says `restricted`. */
export const restrictions = { dropCapabilities: ["ALL"], securityOptions: ["no-new-privileges"] } as const;

/** Its value is the name of the stack that a container is of. */
export const stackLabel = "ascend-pd.stack";

/** Whether a container with these labels is of the stack; Docker may say null where there are none. */
export const isOf = (stack: string, labels: Readonly<Record<string, string>> | null | undefined): boolean =>
  labels?.[stackLabel] === stack;

/** Its value names, with commas, the variables of a container that are Pulumi secrets; a policy spares those. */
export const secretEnvLabel = "ascend-pd.secret-env";

export function labelsOf(stack: string, role: Role, secretEnv?: readonly string[]): Record<string, string> {
  return {
    [stackLabel]: stack,
    "ascend-pd.role": role,
    [hostNetworkLabel]: hostNetworkReason,
    ...(secretEnv !== undefined && { [secretEnvLabel]: secretEnv.join(",") }),
  };
}
