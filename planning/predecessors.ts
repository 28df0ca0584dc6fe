import type { ContainerPlan } from "./plan.ts";

/** What says whose successor a container is; a stack keeps it of those that its last `up` left. */
export type Identity = Pick<ContainerPlan, "name" | "role" | "host" | "npus" | "port">;

export const identityOf = ({ name, role, host, npus, port }: Identity): Identity => ({
  ...{ name, role, host, npus, port },
});

/**
 * By the name of each instance that is another one's successor, that one: it had another name, and has what only one of
 * them can have, or it had this name in the other role. So it is replaced; as another one it would wait for what the
 * old one only gives up at the end.
 */
export function predecessors(
  before: readonly Identity[],
  now: readonly Identity[],
): ReadonlyMap<string, Identity> {
  const [old, planned] = [byName(before), byName(now)];
  const gone = before.filter(({ name, role }) => role !== "scheduler" && !planned.has(name));
  const successions = now.flatMap((one): [string, Identity][] => {
    if (one.role === "scheduler") return [];
    const known = old.get(one.name);
    if (known !== undefined) return known.role === one.role ? [] : [[one.name, known]];
    const inTheWay = gone.find((other) => areExclusive(one, other));
    return inTheWay === undefined ? [] : [[one.name, inTheWay]];
  });
  // One that two want to succeed is nobody's.
  return new Map(successions.filter(([, { name }]) => count(successions, name) === 1));
}

const byName = (all: readonly Identity[]) => new Map(all.map((one) => [one.name, one]));

const areExclusive = (a: Identity, b: Identity): boolean =>
  a.host === b.host && (a.port === b.port || a.npus.some((npu) => b.npus.includes(npu)));

const count = (successions: readonly (readonly [string, Identity])[], name: string): number =>
  successions.filter(([, former]) => former.name === name).length;
