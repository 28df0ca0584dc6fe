import type { Role } from "../../planning/plan.ts";

/** What a preview says, or what two Plans let one predict: the same model for both. Holds no secret. */
export interface Difference {
  /** `prediction`: the engine has not been asked. */
  readonly source: "preview" | "prediction";
  readonly stack: string;
  /** In the order in which they are shown. */
  readonly changes: readonly Change[];
  /** Containers that there are now; none where the source does not say. */
  readonly containers: readonly Container[];
  readonly warnings: readonly string[];
}

export interface Container {
  readonly role: Role;
  /** Without the stack's name: `decode-0`. */
  readonly name: string;
}

export type Operation = "create" | "replace" | "update" | "delete";

/** What changes about one thing that an operator knows by name. */
export interface Change {
  readonly subject: Role | "deployment" | "host" | "image" | "rank table" | "resource";
  /** Without the stack's name: `decode-0`. */
  readonly name: string;
  /** Of an instance: what it was, if that was called otherwise or of the other role. */
  readonly formerly?: Container;
  readonly operation: Operation;
  /** Where its container is and where it will be; only of instances and the scheduler. */
  readonly before?: Placement;
  readonly after?: Placement;
  /** Of an instance that stops: the scheduler sends it nothing more before, and what it has is waited for. */
  readonly drained?: boolean;
  /** Sorted by name. */
  readonly properties: readonly PropertyChange[];
}

export interface Placement {
  readonly host: string;
  readonly npus: readonly number[];
  /** Seconds until it must be ready, where the source says it. */
  readonly startTimeoutSeconds?: number;
}

/** Absent: not there before, or not any more. Both absent: it changes, but the source does not show how. */
export interface PropertyChange {
  readonly property: string;
  readonly old?: string;
  readonly new?: string;
}

/** The name of the global rank table among the properties of a container. */
export const globalRankTable = "global rank table";

/** How that of a container's own is called there. */
export const localRankTable = "file.local_ranktable_";

const subjects: readonly Change["subject"][] = [
  "deployment",
  "host",
  "image",
  "rank table",
  "prefill",
  "decode",
  "scheduler",
  "resource",
];

/** In the order of the deployment, instances by number. */
export function inOrder(changes: readonly Change[]): Change[] {
  const key = ({ subject, name }: Change) =>
    `${subjects.indexOf(subject)} ${name.replace(/\d+/g, (digits) => digits.padStart(12, "0"))}`;
  return changes
    .map((change) => ({ change, key: key(change) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ change }) => change);
}

/** NPU ids of one instance, in a line. */
export function npuList({ npus }: Placement): string {
  return `${npus.slice(0, 16).join(",")}${npus.length > 16 ? ",…" : ""}`;
}

/** Whether its NPUs change. */
export function hasOtherNpus({ before, after }: Change): boolean {
  return before !== undefined && after !== undefined && before.npus.join() !== after.npus.join();
}

/** Of a container: what stands in a file that is placed in it. */
export const isOfFile = (property: string): boolean =>
  property === globalRankTable || property.startsWith("file.");

/** The properties that are not told by its place, its NPUs, its name or the rank tables, which follow from these, or by its members. */
export function ownProperties(change: Change): PropertyChange[] {
  const { before, after, formerly, properties } = change;
  const follows = (property: string) =>
    property === globalRankTable ||
    property.startsWith(localRankTable) ||
    property === "member.definition" ||
    // It hangs on the definition, so that a preview does not know it; another one is told as what it was.
    property === "name" ||
    (hasOtherNpus(change) && /^(npus$|device\.)/.test(property)) ||
    (property === "host" && before?.host !== after?.host) ||
    (formerly !== undefined &&
      /^(role|member\.of|label\.ascend-pd\.role|--role|env\.RANK_TABLE_FILE_PATH)$/.test(property));
  return isContainer(change) ? properties.filter(({ property }) => !follows(property)) : [...properties];
}

export function isContainer({ subject }: Pick<Change, "subject">): boolean {
  return subject === "prefill" || subject === "decode" || subject === "scheduler";
}
