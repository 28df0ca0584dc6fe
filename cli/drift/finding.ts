import { visible } from "../../problems/text.ts";

export type Kind =
  | "not-brought-up"
  | "removed"
  | "replaced"
  | "renamed"
  | "stopped"
  | "paused"
  | "restarting"
  | "changed"
  | "image"
  | "rank-table"
  | "unplanned"
  | "npus-held";

export interface Finding {
  readonly kind: Kind;
  readonly host: string;
  readonly container: string;
  readonly differences: readonly Difference[];
  /** A command. */
  readonly remedy: string;
}

/** A place where a host is not as planned. */
export interface Difference {
  readonly what: string;
  readonly planned: string;
  readonly there: string;
}

const most = 50;
const longest = 400;

/** What others wrote, with an end and without what a terminal obeys. */
export function bounded({ kind, host, container, differences, remedy }: Finding): Finding {
  const shown = (text: string) => visible(text.length <= longest ? text : `${text.slice(0, longest)}…`);
  const rest = differences.length - most;
  const more = rest > 0 ? [{ what: `${rest} more`, planned: "", there: "" }] : [];
  const all = [...differences.slice(0, most), ...more].map(({ what, planned, there }) => ({
    what: shown(what),
    planned: shown(planned),
    there: shown(there),
  }));
  return { kind, host, container: shown(container), differences: all, remedy: visible(remedy) };
}
