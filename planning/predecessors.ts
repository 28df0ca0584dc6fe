import { isHead } from "./layout.ts";
import { type ContainerPlan, isInstance, type MemberPlan } from "./plan.ts";

/** What says whose successor a container is; a stack keeps it of those that its last `up` left. */
export interface Identity extends Pick<ContainerPlan, "name" | "role" | "host" | "npus" | "port"> {
  readonly member?: Pick<MemberPlan, "index" | "of">;
}

export const identityOf = ({ name, role, host, npus, port, member }: Identity): Identity => ({
  ...{ name, role, host, npus, port },
  ...(member && { member: { index: member.index, of: member.of } }),
});

/**
 * By the name of each instance that is another one's successor, that one: it had another name, and has what only one of
 * them can have, or it had this name in the other role. So it is replaced; as another one it would wait for what the
 * old one only gives up at the end. The other members of one over several hosts follow their head.
 */
export function predecessors(
  before: readonly Identity[],
  now: readonly Identity[],
): ReadonlyMap<string, Identity> {
  const [old, planned] = [byName(before), byName(now)];
  const gone = before.filter((one) => isInstance(one) && isHead(one) && !planned.has(one.name));
  const [partsBefore, partsNow] = [before, now].map((all) => Map.groupBy(all, headOf));
  const successions = now.filter(isHead).flatMap((one): [string, Identity][] => {
    if (!isInstance(one)) return [];
    const known = old.get(one.name);
    if (known !== undefined) return known.role === one.role ? [] : [[one.name, known]];
    const parts = partsNow?.get(one.name) ?? [];
    const inTheWay = gone.find((other) =>
      partsBefore?.get(other.name)?.some((its) => parts.some((own) => areExclusive(own, its))),
    );
    return inTheWay === undefined ? [] : [[one.name, inTheWay]];
  });
  // One that two want to succeed is nobody's.
  return new Map(successions.filter(([, { name }]) => count(successions, name) === 1));
}

const byName = (all: readonly Identity[]) => new Map(all.map((one) => [one.name, one]));

const headOf = ({ name, member }: Identity): string => member?.of ?? name;

const areExclusive = (a: Identity, b: Identity): boolean =>
  a.host === b.host && (a.port === b.port || a.npus.some((npu) => b.npus.includes(npu)));

const count = (successions: readonly (readonly [string, Identity])[], name: string): number =>
  successions.filter(([, former]) => former.name === name).length;
