import { type Change, npuList, type Placement } from "../differences/change.ts";

/** How a name or a value is set off from the words around it. */
export type Show = (text: string) => string;

/** So many are named; the rest is counted. */
export const named = 8;

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function placed(changes: readonly Change[], show: Show): string {
  return some(changes, (few) =>
    few.map((change) => `${shownName(change, show)}${where(change.after ?? change.before, show)}`).join(", "),
  ).join();
}

export function names(changes: readonly Change[], show: Show): string {
  return some(changes, (few) => few.map((change) => shownName(change, show)).join(", ")).join();
}

function shownName({ subject, name }: Change, show: Show): string {
  return subject === "scheduler" ? "the scheduler" : show(name);
}

function where(placement: Placement | undefined, show: Show): string {
  if (placement === undefined) return "";
  const npus = placement.npus.length > 0 ? ` (NPUs ${npuList(placement)})` : "";
  return ` on ${show(placement.host)}${npus}`;
}

/** Nothing if there is none; else the first few and how many there are besides. */
export function some<T>(items: readonly T[], text: (few: readonly T[]) => string): string[] {
  if (items.length === 0) return [];
  const rest = items.length - named;
  return [`${text(items.slice(0, named))}${rest > 0 ? ` and ${rest} more` : ""}`];
}

export function loading(changes: readonly Change[]): string {
  const most = changes.reduce((most, { after }) => Math.max(most, after?.startTimeoutSeconds ?? 0), 0);
  if (most === 0) return "minutes of model load";
  return `model load, at most ${most < 120 ? `${most} s` : `${Math.ceil(most / 60)} min`}`;
}
