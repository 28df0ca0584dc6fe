import {
  type Change,
  type Difference,
  globalRankTable,
  hasOtherNpus,
  isContainer,
  npuList,
  ownProperties,
  type PropertyChange,
} from "../differences/change.ts";
import { code, codeBlock, fitting } from "./markdown-text.ts";
import { meaningOf } from "./meaning.ts";

/** GitHub refuses a comment over 65,536 characters. */
export const longestComment = 60_000;
/** What the messages of a preview may take of it. */
const longestMessages = 10_000;
/** What the properties of one resource may take of it. */
const longestBlock = 15_000;
/** Kept for what stands between the parts and for the line that says what was left out. */
const reserve = 500;

/**
 * First what it means, then a line for each thing that changes, then, folded away, every property. What does not fit
 * is left out from the end, in whole pieces, and said.
 */
export function markdownOf(difference: Difference): string {
  const { changes, source, stack, warnings } = difference;
  const { headline, lines } = meaningOf(difference, (text) => code(text, 60));
  const head = [
    `### ${code(stack)}: ${headline}${source === "prediction" ? " (predicted from two Plans)" : ""}\n`,
    ...(lines.length > 0 ? [`\n${lines.map((line) => `- ${line}\n`).join("")}`] : []),
    ...(warnings.length > 0 ? [`\nWarnings:\n\n${messageBlock(warnings)}`] : []),
  ].join("");
  if (changes.length === 0) return head;

  const room = longestComment - reserve - head.length;
  const all = changes.map((change) => `- ${resourceLine(change)}\n`);
  const listed = fitting(all, room).join("");
  const allBlocks = changes.filter(hasDetail).map(detail);
  const blocks = fitting(allBlocks, room - listed.length);
  const left = [
    ...leftOut(all.length - fitting(all, room).length, "of the changes"),
    ...leftOut(allBlocks.length - blocks.length, "of the details"),
  ];
  return [
    head,
    "\nWhat changes (`+` new, `±` replaced, `~` in place, `-` removed):\n\n",
    listed,
    ...(blocks.length > 0 ? ["\n<details><summary>Details</summary>\n", ...blocks, "\n</details>\n"] : []),
    ...(left.length > 0 ? [`\nLeft out, to stay under 60,000 characters: ${left.join(", ")}.\n`] : []),
  ].join("");
}

const leftOut = (number: number, what: string) => (number > 0 ? [`${number} ${what}`] : []);

/** The comment for a preview that failed. */
export function failureMarkdown(stack: string | undefined, errors: readonly string[]): string {
  return `### ${stack === undefined ? "" : `${code(stack)}: `}the preview failed\n\n${messageBlock(errors)}`;
}

function messageBlock(messages: readonly string[]): string {
  return codeBlock(
    messages.flatMap((message) => message.split("\n")),
    longestMessages,
  );
}

const signs = { create: "+", replace: "±", update: "~", delete: "-" } as const;
/** So many properties stand in a line. */
const few = 3;

function resourceLine(change: Change): string {
  const { subject, name, operation, before, after, properties } = change;
  const place = after ?? before;
  const npus = place && place.npus.length > 0 ? `, NPUs ${npuList(place)}` : "";
  const what = `\`${signs[operation]}\` ${isContainer(change) ? "" : `${subject} `}${code(name)}`;
  const text = operation === "replace" || operation === "update" ? told(change, properties).join("; ") : "";
  return `${what}${place ? ` on ${code(place.host)}${npus}` : ""}${text && `: ${text}`}`;
}

function told(change: Change, properties: readonly PropertyChange[]): string[] {
  const { before, after } = change;
  const own = ownProperties(change);
  const isGlobal = ({ property }: PropertyChange) => property === globalRankTable;
  return [
    ...(before && after && before.host !== after.host ? [`from ${code(before.host)}`] : []),
    ...(before && hasOtherNpus(change) ? [`instead of NPUs ${npuList(before)}`] : []),
    ...own.slice(0, few).map(propertyText),
    ...(own.length > few ? [`${own.length - few} more`] : []),
    ...(properties.some(isGlobal) ? [globalRankTable] : []),
  ];
}

function propertyText({ property, old, new: now }: PropertyChange): string {
  if (old === undefined && now === undefined) return `${code(property)} (not shown)`;
  const side = (value: string | undefined) => (value === undefined ? "none" : code(value, 80));
  return `${code(property)} ${side(old)} → ${side(now)}`;
}

function hasDetail({ operation, properties }: Change): boolean {
  return operation !== "delete" && properties.length > 0;
}

function detail({ name, properties }: Change): string {
  const lines = properties.flatMap(({ property, old, new: now }) => {
    if (old === undefined && now === undefined) return [`! ${property} changes; the values are not shown`];
    return [
      ...(old === undefined ? [] : [`- ${property}: ${old}`]),
      ...(now === undefined ? [] : [`+ ${property}: ${now}`]),
    ];
  });
  return `\n${code(name)}\n\n${codeBlock(lines, longestBlock, "diff")}`;
}
