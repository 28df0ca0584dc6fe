import type { Layout } from "../planning/layout.ts";

/** Instances as a stack file lists them. */
export interface Placement {
  readonly prefill: readonly PlacedInstance[];
  readonly decode: readonly PlacedInstance[];
}

export interface PlacedInstance {
  readonly host: string;
  readonly devices: readonly number[];
  readonly port: number;
}

interface Wanted {
  readonly instances: number;
  readonly npus: number;
}

/**
 * Puts instances on the NPUs of a stack's hosts in the order of their ids, whatever the stack has there now, and
 * never one instance over two hosts. Undefined when they do not fit.
 */
export function place(
  { hosts }: Pick<Layout, "hosts">,
  wanted: { prefill: Wanted; decode: Wanted },
): Placement | undefined {
  const free = hosts.map(({ name, npus, deviceIps }) => ({
    name,
    npus: Array.from({ length: npus }, (_, npu) => npu).filter((npu) => deviceIps[npu] !== undefined),
  }));
  const prefill = takeAll(free, wanted.prefill, 8088);
  const decode = takeAll(free, wanted.decode, 8089);
  return prefill.length === wanted.prefill.instances && decode.length === wanted.decode.instances
    ? { prefill, decode }
    : undefined;
}

/** Every second port of a host from `port` on, so that prefill and decode never share one. */
function takeAll(
  free: readonly { name: string; npus: number[] }[],
  wanted: Wanted,
  port: number,
): PlacedInstance[] {
  const placed: PlacedInstance[] = [];
  for (const { name, npus } of free) {
    for (let next = port; npus.length >= wanted.npus && placed.length < wanted.instances; next += 2) {
      placed.push({ host: name, devices: npus.splice(0, wanted.npus), port: next });
    }
  }
  return placed;
}
