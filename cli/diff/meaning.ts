import { count } from "../../problems/text.ts";
import {
  type Change,
  type Difference,
  globalRankTable,
  hasOtherNpus,
  isContainer,
  localRankTable,
  npuList,
  ownProperties,
} from "../differences/change.ts";
import { listed, loading, named, names, placed, type Show, some } from "./words.ts";

/** What a difference means to the people who run the service. */
export interface Meaning {
  readonly headline: string;
  /** At most a few dozen, each of bounded length, the most important first. */
  readonly lines: readonly string[];
}

const roles = ["prefill", "decode"] as const;

export function meaningOf(difference: Difference, show: Show): Meaning {
  const { changes } = difference;
  const instances = changes.filter(isInstance);
  const doing = (operation: Change["operation"]) =>
    instances.filter((change) => change.operation === operation);
  const scheduler = changes.find(({ subject }) => subject === "scheduler");
  return {
    headline: headline(changes, doing, scheduler),
    lines: [
      ...restarts(doing("replace"), difference, show),
      ...starts(doing("create"), show),
      ...removals(doing("delete"), show),
      ...inPlace(
        changes.filter((change) => isContainer(change) && change.operation === "update"),
        show,
      ),
      ...(scheduler ? schedulerLines(scheduler, show) : []),
      ...interruption(difference, show),
      ...takenOver(instances, show),
      ...clients(changes, show),
      ...hosts(changes, show),
      ...others(changes, show),
      ...untouched(difference, show),
    ],
  };
}

function headline(
  changes: readonly Change[],
  doing: (operation: Change["operation"]) => readonly Change[],
  scheduler: Change | undefined,
): string {
  if (changes.length === 0) return "no change";
  const parts = (["replace", "create", "delete"] as const).flatMap((operation) => {
    const instances = doing(operation).length;
    const both = [
      ...(instances > 0 ? [count(instances, "instance")] : []),
      ...(scheduler?.operation === operation ? ["the scheduler"] : []),
    ];
    return both.length > 0 ? [`${verbs[operation]} ${both.join(" and ")}`] : [];
  });
  const stopped = changes.filter(isStopped).length;
  if (stopped > 0) parts.push(`starts ${count(stopped, "stopped container")} again`);
  return parts.join(", ") || "no instance restarts";
}

const verbs = { create: "starts", replace: "restarts", delete: "removes" } as const;

/** Instances that restart for the same reason stand in one line. */
function restarts(replaced: readonly Change[], { changes, containers }: Difference, show: Show): string[] {
  const now = containers.filter(({ role }) => role === "prefill" || role === "decode").length;
  const removed = changes.filter((change) => isInstance(change) && change.operation === "delete").length;
  const byReason = new Map<string, Change[]>();
  for (const change of replaced) {
    const reason = reasonOf(change, show);
    byReason.set(reason, [...(byReason.get(reason) ?? []), change]);
  }
  const groups = [...byReason];
  const inTurns = roles.some(
    (role) => replaced.filter(({ subject, drained }) => subject === role && drained).length > 1,
  );
  const load = (group: readonly Change[]) => `${loading(group)}${inTurns ? ", one of a role at a time" : ""}`;
  const lines = groups
    .slice(0, named)
    .map(([reason, group]) =>
      group.length > 1 && group.length === now - removed
        ? `all instances restart because ${reason}: ${placed(group, show)}; ${load(group)}`
        : `restarts ${placed(group, show)} because ${reason}; ${load(group)}`,
    );
  const rest = groups.slice(named).reduce((sum, [, group]) => sum + group.length, 0);
  return rest > 0 ? [...lines, `restarts ${rest} more, each for a reason of its own`] : lines;
}

/** Everything that a container is made of is fixed at its start, so any change of it is a reason. */
function reasonOf(change: Change, show: Show): string {
  const { before, after, formerly, subject, name, properties } = change;
  const global = properties.some(({ property }) => property === globalRankTable)
    ? ["the global rank table"]
    : [];
  const own = ownProperties(change).map(({ property }) => show(property));
  const changed = [...global, ...own];
  const clauses = [
    ...(formerly && formerly.name !== name ? [`it was called ${show(formerly.name)}`] : []),
    ...(formerly && formerly.role !== subject ? [`it was a ${formerly.role} instance`] : []),
    ...(before && after && before.host !== after.host
      ? [`it moves from ${show(before.host)} to ${show(after.host)}`]
      : []),
    ...(before && after && hasOtherNpus(change)
      ? [`its NPUs change from ${npuList(before)} to ${npuList(after)}`]
      : []),
    ...some(changed, listed).map((few) => `${few} ${changed.length === 1 ? "changes" : "change"}`),
  ];
  const hasOtherTable = properties.some(({ property }) => property.startsWith(localRankTable));
  return (
    clauses.join(", and ") || (hasOtherTable ? "its rank table changes" : "what it depends on is replaced")
  );
}

function starts(created: readonly Change[], show: Show): string[] {
  return created.length > 0 ? [`starts ${placed(created, show)}; ${loading(created)}`] : [];
}

function removals(deleted: readonly Change[], show: Show): string[] {
  return deleted.length > 0 ? [`removes ${placed(deleted, show)}; these NPUs become free`] : [];
}

function inPlace(updated: readonly Change[], show: Show): string[] {
  const stopped = updated.filter(isStopped);
  const others = updated.filter((change) => !isStopped(change));
  return [
    ...(stopped.length > 0 ? [`starts again what has stopped: ${placed(stopped, show)}`] : []),
    ...(others.length > 0 ? [`changes, without a restart, ${names(others, show)}`] : []),
  ];
}

/** What Pulumi's refresh makes of a container that is there and does not run. */
const isStopped = ({ operation, properties }: Change) =>
  operation === "update" && properties.some(({ property, old }) => property === "mustRun" && old === "false");

function schedulerLines(change: Change, show: Show): string[] {
  switch (change.operation) {
    case "create":
      return ["starts the scheduler"];
    case "delete":
      return ["removes the scheduler: no request is served any more"];
    case "replace":
      return [
        `restarts the scheduler because ${reasonOf(change, show)}; it refuses requests until it is ready`,
      ];
    case "update":
      return [];
  }
}

/** What is removed goes last: until then its NPUs are not free for another one. */
function takenOver(instances: readonly Change[], show: Show): string[] {
  const pairs = instances.flatMap((change) => {
    const { after } = change;
    const holder = instances.find(
      ({ operation, before }) =>
        operation === "delete" &&
        before?.host === after?.host &&
        before?.npus.some((npu) => after?.npus.includes(npu)),
    );
    return after === undefined || holder === undefined ? [] : [[change, holder] as const];
  });
  return some(pairs, (few) =>
    few.map(([change, holder]) => `${show(change.name)} wants NPUs of ${show(holder.name)}`).join(", "),
  ).map(
    (wants) =>
      `${wants}, which is removed last, so that it fails: take out in one change and put there in the next; an instance that only moves up a list stays where it is with the \`name\` that it had by its place`,
  );
}

/** What clients notice while instances stop. */
function interruption({ changes, containers }: Difference, show: Show): string[] {
  if (changes.some(({ subject, operation }) => subject === "scheduler" && operation === "delete")) return [];
  const stopping = changes.filter((change) => isInstance(change) && ends(change.operation));
  const isGone = (role: string) => {
    const now = containers.filter((container) => container.role === role).length;
    return now > 0 && stopping.filter((change) => roleBefore(change) === role).length >= now;
  };
  const cut = stopping.filter(({ drained }) => !drained);
  const all = roles.filter((role) => isGone(role) && cut.some(({ subject }) => subject === role));
  return [
    ...(cut.length > 0
      ? [`cuts requests in flight on ${names(cut, show)}: the scheduler that runs now cannot drain them`]
      : []),
    ...(all.length > 0
      ? [`no ${all.join(" and no ")} instance stays up throughout: expect requests to wait or fail meanwhile`]
      : []),
    ...roles
      .filter((role) => isGone(role) && !all.includes(role))
      .flatMap((role) =>
        unserved(
          role,
          stopping.filter((change) => roleBefore(change) === role),
          show,
        ),
      ),
  ];
}

/**
 * All instances of a role stop, one after the other; those that are removed do so last. There is always one that gets
 * requests, unless there is no other.
 */
function unserved(role: string, [only, ...others]: readonly Change[], show: Show): string[] {
  if (only?.operation !== "replace" || others.length > 0) return [];
  return [`${show(only.name)} is the only ${role} instance: requests are answered 503 while it is replaced`];
}

const roleBefore = ({ formerly, subject }: Change) => formerly?.role ?? subject;

const ends = (operation: Change["operation"]) => operation === "replace" || operation === "delete";

function clients(changes: readonly Change[], show: Show): string[] {
  const changed = (change: Change | undefined, name: string) =>
    change?.properties.find(
      ({ property, old, new: now }) => property === name && old !== undefined && now !== undefined,
    );
  const endpoint = changed(
    changes.find(({ subject }) => subject === "deployment"),
    "endpoint",
  );
  const model = changed(
    changes.find(({ subject }) => subject === "scheduler"),
    "--served-model-name",
  );
  return [
    ...(endpoint
      ? [`clients must use ${show(endpoint.new ?? "")} instead of ${show(endpoint.old ?? "")}`]
      : []),
    ...(model
      ? [`clients must ask for model ${show(model.new ?? "")} instead of ${show(model.old ?? "")}`]
      : []),
  ];
}

/** The engine updates a provider in place and leaves its containers alone. */
function hosts(changes: readonly Change[], show: Show): string[] {
  const moved = changes.filter(
    ({ subject, operation, properties }) =>
      subject === "host" &&
      operation === "update" &&
      properties.some(({ property }) => property === "docker"),
  );
  if (moved.length === 0) return [];
  return [
    `reaches ${names(moved, show)} at another Docker endpoint: it must lead to the same machine, since containers do not move`,
  ];
}

function others(changes: readonly Change[], show: Show): string[] {
  const resources = changes.filter(({ subject }) => subject === "resource");
  return resources.length > 0 ? [`touches besides: ${names(resources, show)}`] : [];
}

function untouched({ changes, containers }: Difference, show: Show): string[] {
  const touched = new Set(changes.filter(isContainer).map(({ name, formerly }) => formerly?.name ?? name));
  const left = containers.filter(({ name }) => !touched.has(name));
  if (left.length === 0 || changes.length === 0) return [];
  const texts = roles.flatMap((one) => {
    const ofRole = left.filter(({ role }) => role === one).map(({ name }) => show(name));
    const isWhole = ofRole.length === containers.filter(({ role }) => role === one).length;
    return isWhole && ofRole.length > 0 ? [one] : some(ofRole, (few) => few.join(", "));
  });
  const scheduler = left.some(({ role }) => role === "scheduler") ? ["the scheduler"] : [];
  return [`untouched: ${[...texts, ...scheduler].join(", ")}`];
}

const isInstance = ({ subject }: Change) => subject === "prefill" || subject === "decode";
