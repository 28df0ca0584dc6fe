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
  | "npus-held"
  | "npu-fault";

export interface Finding {
  readonly kind: Kind;
  readonly host: string;
  readonly container: string;
  readonly differences: readonly Difference[];
  /** A command; of an NPU that fails, what to write and the command after it. */
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

export const boundedText = (text: string): string =>
  visible(text.length <= longest ? text : `${text.slice(0, longest)}…`);

/** What others wrote, with an end and without what a terminal obeys. */
export function bounded({ kind, host, container, differences, remedy }: Finding): Finding {
  const rest = differences.length - most;
  const more = rest > 0 ? [{ what: `${rest} more`, planned: "", there: "" }] : [];
  const all = [...differences.slice(0, most), ...more].map(({ what, planned, there }) => ({
    what: boundedText(what),
    planned: boundedText(planned),
    there: boundedText(there),
  }));
  return { kind, host, container: boundedText(container), differences: all, remedy: visible(remedy) };
}
