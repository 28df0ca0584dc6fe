import { MAX_TEXT_BYTES, type Piece } from "../data/pieces.ts";
import type { Member } from "./spans.ts";

export interface Edit {
  readonly key: string;
  /** What to write in place of the member's value: JSON text in latin1; `undefined` takes the member out. */
  readonly value: string | undefined;
}

/**
 * `bytes` with `edits` made. Values that have no member yet are put in front. `members` is what `scanObject` gave,
 * asked for the keys of `edits`; a key that is given a value stands in it at most once.
 */
export function editObject(bytes: Buffer, members: readonly Member[], edits: readonly Edit[]): Piece[] {
  let lastKept = members.length - 1;
  while (lastKept >= 0 && isRemoved(members[lastKept], edits)) lastKept--;

  let added = "";
  for (const { key, value } of edits) {
    if (value === undefined || members.some((member) => member.key === key)) continue;
    added += `${added === "" ? "" : ","}${JSON.stringify(key)}:${value}`;
  }
  if (added !== "" && lastKept !== -1) added += ",";

  const source = bytes.length <= MAX_TEXT_BYTES ? bytes.toString("latin1") : bytes;
  let at = source.indexOf("{") + 1;
  const pieces: Piece[] = [cut(source, 0, at), added];
  for (let i = 0; i < members.length; i++) {
    const member = members[i];
    const edit = editOf(member, edits);
    if (member === undefined || edit === undefined) continue;
    let { valueStart: from, end: to } = member;
    // One comma goes with a removed member: the one behind it, or before it where no kept member follows.
    if (edit.value === undefined && i < lastKept) [from, to] = [member.start, members[i + 1]?.start ?? to];
    else if (edit.value === undefined) from = members[i - 1]?.end ?? member.start;
    pieces.push(cut(source, at, from), edit.value ?? "");
    at = to;
  }
  pieces.push(cut(source, at, source.length));
  return pieces;
}

function cut(source: Piece, from: number, to: number): Piece {
  return typeof source === "string" ? source.slice(from, to) : source.subarray(from, to);
}

function isRemoved(member: Member | undefined, edits: readonly Edit[]): boolean {
  const edit = editOf(member, edits);
  return edit !== undefined && edit.value === undefined;
}

function editOf(member: Member | undefined, edits: readonly Edit[]): Edit | undefined {
  for (const edit of edits) if (edit.key === member?.key) return edit;
  return undefined;
}
