import { basename } from "node:path";
import { isHead } from "../../planning/layout.ts";
import { headNameOf } from "../../planning/member-name.ts";
import {
  type ContainerPlan,
  type FilePlan,
  type HostPlan,
  isInstance,
  isMonitoring,
  type Plan,
} from "../../planning/plan.ts";
import { type Identity, predecessors } from "../../planning/predecessors.ts";
import { shortName } from "../../planning/short-name.ts";
import { type Change, type Difference, inOrder, isOfFile, type Placement } from "../differences/change.ts";
import { byInstance } from "../differences/members.ts";
import {
  asArray,
  asObject,
  containerProperties,
  differences,
  type Properties,
  propertiesOf,
} from "../differences/properties.ts";
import { UserError } from "../user-error.ts";

/** What the gate alone reads; every other property of a container is ForceNew in the docker provider. */
const inPlace: readonly (keyof ContainerPlan)[] = ["port", "readyPath", "startTimeoutSeconds"];

/** Whether it is what `ascend-pd plan STACK --json` prints. */
export function isPlan(document: unknown): boolean {
  return "plan" in asObject(document) || "problems" in asObject(document);
}

/** The Plan in what `ascend-pd plan STACK --json` printed; `name` is what messages call it. Throws UserError. */
export function readPlan(document: unknown, name: string): Plan {
  const { plan, problems } = asObject(document);
  if (Array.isArray(problems))
    throw new UserError(
      `${name} holds ${problems.length} problems and no Plan\nfix: mend the stack file first`,
    );
  const { stack, hosts, containers, rankTables } = asObject(plan);
  const { global, local, nodePorts, apiKeys } = asObject(rankTables);
  const files = new Map(asArray(local).concat(global, nodePorts, apiKeys).flatMap(fileOf));
  const isWhole =
    typeof stack === "string" &&
    areNamed(hosts) &&
    areNamed(containers) &&
    containers.every(
      ({ role, host, npus, files: paths }) =>
        typeof role === "string" &&
        (isInstance({ role }) || role === "scheduler" || isMonitoring({ role })) &&
        typeof host === "string" &&
        Array.isArray(npus) &&
        Array.isArray(paths) &&
        paths.every((path) => files.has(path) || fileOf(path).length > 0),
    ) &&
    fileOf(global).length > 0;
  if (!isWhole)
    throw new UserError(
      `${name} is no Plan of this version\nfix: write it again with \`ascend-pd plan STACK --json\``,
    );
  const whole = containers.map((container) => ({
    ...container,
    files: asArray(container.files).map((path) => files.get(path) ?? path),
  }));
  return { ...asObject(plan), containers: whole } as unknown as Plan;
}

function fileOf(value: unknown): [path: unknown, FilePlan][] {
  const { path, content } = asObject(value);
  return typeof path === "string" && typeof content === "string" ? [[path, { path, content }]] : [];
}

function areNamed(list: unknown): list is Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) && list.every((item) => typeof asObject(item).name === "string");
}

/** What an `up` from one Plan to the other would do, predicted from the two alone. */
export function comparePlans(old: Plan, now: Plan): Difference {
  if (old.stack !== now.stack)
    throw new UserError(
      `the Plans are of two stacks, ${old.stack} and ${now.stack}\nfix: give two Plans of one stack`,
    );
  const former = predecessors(old.containers, now.containers);
  const nameNow = nowCalled(former);
  const isDrained = ({ subject, operation }: Change) =>
    old.adminSocket !== undefined &&
    subject !== "scheduler" &&
    (operation === "replace" || operation === "delete");
  return {
    source: "prediction",
    stack: now.stack,
    changes: inOrder([
      ...compared([old], [now], ({ stack }) => stack, deployment),
      ...compared(old.hosts, now.hosts, ({ name }) => name, host),
      ...compared([old.rankTables.global], [now.rankTables.global], ({ path }) => basename(path), rankTable),
      ...byInstance(
        compared(
          old.containers,
          now.containers,
          ({ name }) => shortName(nameNow.get(name) ?? name, now.stack),
          container(old.adminSocket !== undefined),
        ),
      ).map((change) => ({
        ...change,
        ...formerly(former.get(`${now.stack}-${change.name}`), now.stack),
        ...(isDrained(change) && { drained: true }),
      })),
    ]),
    containers: old.containers
      .filter(isHead)
      .map(({ role, name }) => ({ role, name: shortName(name, old.stack) })),
    warnings: [],
  };
}

/** The names that instances have now by those that they had; a member of one over several hosts follows its head. */
function nowCalled(former: ReadonlyMap<string, Identity>): { get: (name: string) => string | undefined } {
  const heads = new Map([...former].map(([name, predecessor]) => [predecessor.name, name]));
  return {
    get: (name) => {
      const head = headNameOf(name);
      const now = heads.get(head);
      return now === undefined ? undefined : now + name.slice(head.length);
    },
  };
}

const formerly = (former: Identity | undefined, stack: string): Pick<Change, "formerly"> =>
  former === undefined ? {} : { formerly: { role: former.role, name: shortName(former.name, stack) } };

interface Kind {
  readonly subject: Change["subject"];
  readonly properties: Properties;
  readonly placement?: Placement;
  /** Whether a change of this property restarts it. */
  readonly restarts: (property: string) => boolean;
}

function compared<T>(
  old: readonly T[],
  now: readonly T[],
  nameOf: (item: T) => string,
  kindOf: (item: T) => Kind,
): Change[] {
  const before = new Map(old.map((item) => [nameOf(item), kindOf(item)]));
  const after = new Map(now.map((item) => [nameOf(item), kindOf(item)]));
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    const kind = b ?? a;
    const properties = differences(a?.properties ?? new Map(), b?.properties ?? new Map());
    if (kind === undefined || properties.length === 0) return [];
    const restarting = properties.filter(({ property }) => kind.restarts(property));
    const operation =
      a === undefined ? "create" : b === undefined ? "delete" : restarting.length > 0 ? "replace" : "update";
    return [
      {
        subject: kind.subject,
        name,
        operation,
        ...(a?.placement && { before: a.placement }),
        ...(b?.placement && { after: b.placement }),
        properties: operation === "replace" ? restarting : properties,
      },
    ];
  });
}

const never = () => false;

const deployment = ({ hosts, containers, rankTables, ...rest }: Plan): Kind => ({
  subject: "deployment",
  properties: propertiesOf(rest),
  restarts: never,
});

const host = (plan: HostPlan): Kind => ({ subject: "host", properties: propertiesOf(plan), restarts: never });

const rankTable = ({ content }: { content: string }): Kind => ({
  subject: "rank table",
  properties: propertiesOf(content),
  restarts: never,
});

/** A scheduler with an administration reads its files anew while it runs. */
const container =
  (isAdministered: boolean) =>
  (plan: ContainerPlan): Kind => ({
    subject: plan.role,
    properties: containerProperties(plan),
    placement: { host: plan.host, npus: plan.npus, startTimeoutSeconds: plan.startTimeoutSeconds },
    restarts: (property) =>
      !inPlace.some((name) => name === property) &&
      !(isAdministered && plan.role === "scheduler" && isOfFile(property)),
  });
