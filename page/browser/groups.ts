import type { HostView, InstanceView, Snapshot } from "../snapshot.ts";

/** More instances of a role get a line each. */
const ROOMY = 6;
/** More pairs are drawn between hosts. */
const MAX_WIRES = 64;

/** The instances of a role on a host. */
export interface Group {
  /** Of role and host: the same from one snapshot to the next. */
  readonly key: string;
  readonly host: HostView;
  readonly instances: readonly InstanceView[];
}

export interface Side {
  readonly role: "prefill" | "decode";
  readonly groups: readonly Group[];
  readonly count: number;
  readonly ready: number;
}

/** Roles by hosts, both in the order of the snapshot. */
export function sidesOf({ instances, hosts }: Snapshot): readonly Side[] {
  return (["prefill", "decode"] as const).map((role) => {
    const own = instances.filter((one) => one.role === role);
    const groups = hosts.flatMap((host): Group[] => {
      const here = own.filter((one) => one.host === host.address);
      return here.length === 0 ? [] : [{ key: `${role} ${host.address}`, host, instances: here }];
    });
    return { role, groups, count: own.length, ready: own.filter(isReady).length };
  });
}

export function isReady({ states }: InstanceView): boolean {
  return states[0] === "ready";
}

export function isTight(sides: readonly Side[]): boolean {
  return sides.some(({ count }) => count > ROOMY);
}

/** What goes from one place of the page to another: between instances, or between groups where these are many. */
export interface Wire {
  /** Keys of a group, or addresses of instances behind their roles. */
  readonly from: string;
  readonly to: string;
  readonly perSecond: number;
}

export const keyOf = ({ role, address, name }: InstanceView): string => `${role} ${address} ${name}`;

/** Those that carry something, strongest first; and whether they are between groups. */
export function wiresOf({ instances, edges }: Snapshot): {
  readonly wires: Wire[];
  readonly bundled: boolean;
} {
  const of = (role: string) => instances.filter((one) => one.role === role).length;
  const bundled = of("prefill") * of("decode") > MAX_WIRES;
  const place = (one: InstanceView) => (bundled ? `${one.role} ${one.host}` : keyOf(one));
  const found = new Map<string, Wire>();
  for (const [from, to, perSecond] of edges) {
    const [giver, taker] = [instances[from], instances[to]];
    if (giver === undefined || taker === undefined) continue;
    const ends = { from: place(giver), to: place(taker) };
    const key = `${ends.from}\n${ends.to}`;
    found.set(key, { ...ends, perSecond: perSecond + (found.get(key)?.perSecond ?? 0) });
  }
  return { wires: [...found.values()].sort((a, b) => b.perSecond - a.perSecond), bundled };
}

/** Of five. */
export function paceOf(perSecond: number): 1 | 2 | 3 | 4 | 5 {
  return perSecond < 0.5 ? 1 : perSecond < 2 ? 2 : perSecond < 8 ? 3 : perSecond < 40 ? 4 : 5;
}
