import { type Field, listTokens, trimmed } from "../http/head.ts";

/** Where in a trace a request is, as W3C Trace Context says it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the span that asks: 16 hexadecimal digits. */
  readonly parentId: string;
  readonly flags: number;
  /** What tracing systems say to themselves; may be empty. */
  readonly state: string;
}

export const SAMPLED = 0x01;
/** Those that version 00 knows: sampled, and that the trace's id is random. The others are to be 0. */
const KNOWN_FLAGS = 0x03;

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const MAX_MEMBERS = 32;
const KEY = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Of a head: `invalid` where it tells of a trace, but not as it has to; `undefined` where it tells of none. */
export function contextIn(fields: readonly Field[]): TraceContext | "invalid" | undefined {
  const parents = valuesOf(fields, "traceparent");
  const [parent] = parents;
  if (parent === undefined || listTokens(fields, "connection").includes("traceparent")) return undefined;
  const [, version, traceId = "", parentId = "", flags = "", rest] = PARENT.exec(parent) ?? [];
  // Later versions may have more behind it, and mean the same by what is in front.
  const isVersion = version !== undefined && version !== "ff" && (version !== "00" || rest === undefined);
  if (parents.length > 1 || !isVersion || ZEROS.test(traceId) || ZEROS.test(parentId)) return "invalid";
  return { traceId, parentId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS, state: stateIn(fields) };
}

/** Empty where it is not as it has to be: it then counts for nothing, and the rest all the same. */
function stateIn(fields: readonly Field[]): string {
  const lines = valuesOf(fields, "tracestate");
  if (lines.length === 0 || listTokens(fields, "connection").includes("tracestate")) return "";
  const members = lines
    .flatMap((line) => line.split(","))
    .map((member) => trimmed(member))
    .filter((member) => member !== "");
  const keys = new Set<string>();
  for (const member of members) {
    const equals = member.indexOf("=");
    const key = member.slice(0, equals);
    if (equals === -1 || !KEY.test(key) || !VALUE.test(member.slice(equals + 1)) || keys.has(key)) return "";
    keys.add(key);
  }
  return members.length > MAX_MEMBERS ? "" : members.join(",");
}

function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.flatMap((field) => (field.name === name ? [field.value] : []));
}

/** The lines of a head that pass it on. */
export function contextLines({ traceId, parentId, flags, state }: TraceContext): string {
  const parent = `traceparent: 00-${traceId}-${parentId}-${flags.toString(16).padStart(2, "0")}\r\n`;
  return state === "" ? parent : `${parent}tracestate: ${state}\r\n`;
}
