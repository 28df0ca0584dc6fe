import type { Instance } from "../layout.ts";
import type { ClaimedPorts } from "./engine.ts";
import { includes, type PortRange } from "./port-range.ts";

/** The HCCL_IF_BASE_PORTs that CANN takes. */
export const hcclBasePorts: PortRange = { first: 1024, last: 65520 };

export const isHcclBasePort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && includes(hcclBasePorts, Number(text));

/**
 * The ports on which HCCL listens on an instance's host. The port 16666 that it uses besides is on an NPU's own
 * network.
 */
export function hcclPorts({ extraEnv }: Instance): ClaimedPorts[] {
  const base = extraEnv.HCCL_IF_BASE_PORT ?? "60000";
  if (!isHcclBasePort(base)) return [];
  return [{ owner: "HCCL", first: Number(base), last: Math.min(Number(base) + 31, 65535) }];
}
