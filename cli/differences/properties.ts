import { createHash } from "node:crypto";
import { basename } from "node:path";
import { isCredential, masked } from "../../planning/credentials/credential.ts";
import { UserError } from "../user-error.ts";
import { globalRankTable, type PropertyChange } from "./change.ts";
import { isSecretObject, maskText } from "./secrets.ts";

/**
 * Values by the name of their property, nested ones by path: what can be compared value by value. `shown` has no
 * secret in it and a bounded length; `raw` only tells whether a value changes.
 */
export type Properties = ReadonlyMap<string, { readonly raw: string; readonly shown: string }>;

const longestName = 200;
const longestValue = 400;
const deepest = 100;
/** How much of a value is masked before it is cut, so that a cut does not hide what marks a credential. */
const window = 8 * longestValue;

/** What differs between two sets of properties, by name. */
export function differences(old: Properties, now: Properties): PropertyChange[] {
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((property) => {
    const [before, after] = [old.get(property), now.get(property)];
    if (before?.raw === after?.raw) return [];
    return [
      {
        property: cut(maskText(property.slice(0, window)), longestName),
        ...(before && { old: before.shown }),
        ...(after && { new: after.shown }),
      },
    ];
  });
}

/** Any object, by path: `build.buildArgs.NODE_IMAGE`. */
export function propertiesOf(value: unknown): Properties {
  const all = new Map<string, { raw: string; shown: string }>();
  collect(all, "", value, false);
  return all;
}

/** A container in words of its command line and environment, from a Plan or from a docker resource's inputs. */
export function containerProperties(container: object): Properties {
  const { command, env, envs, devices, mounts, files, uploads, labels, ulimits, ...rest } =
    asObject(container);
  const environment = byEntry(envs ?? env, (entry) => splitAtEquals(entry));
  const globalPath = asObject(environment).GLOBAL_RANK_TABLE_FILE_PATH;
  const isGlobal = (entry: unknown) => globalPath !== undefined && pathOf(entry) === globalPath;
  const uploaded = asArray(files ?? uploads);
  return propertiesOf({
    ...rest,
    ...asObject(byFlag(command)),
    env: environment,
    device: byKey(devices, "containerPath"),
    mount: byKey(mounts, "target"),
    label: byKey(labels, "label"),
    ulimit: byEntry(ulimits, (entry) => {
      const { name, soft, hard } = asObject(entry);
      return nameAndValue(name, soft === hard ? soft : `${soft}:${hard}`);
    }),
    file: byEntry(
      uploaded.filter((entry) => !isGlobal(entry)),
      (entry) => nameAndValue(basename(String(pathOf(entry))), asObject(entry).content),
    ),
    // As a whole: where it differs is said once, at the table itself.
    [globalRankTable]: digest(asObject(uploaded.find(isGlobal)).content),
  });
}

/** Docker's resource calls it `file`, the Plan `path`. */
function pathOf(entry: unknown): unknown {
  const { path, file = path } = asObject(entry);
  return file;
}

function digest(content: unknown): unknown {
  if (typeof content !== "string") return content;
  return `sha256 ${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
}

/** `["--port=1", "--name", "x", "serve"]` by flag: a value keeps its name, whatever is put before it. */
function byFlag(command: unknown): unknown {
  if (!Array.isArray(command)) return { command };
  const flags: (readonly [string, unknown])[] = [];
  for (let i = 0; i < command.length; i++) {
    const [argument, next] = [command[i], command[i + 1]];
    if (typeof argument !== "string" || !argument.startsWith("-")) flags.push([`argument ${i}`, argument]);
    else if (argument.includes("=")) flags.push(splitAtEquals(argument) ?? [argument, ""]);
    else if (typeof next !== "string" || next.startsWith("-")) flags.push([argument, "given"]);
    else {
      flags.push([argument, next]);
      i++;
    }
  }
  return unambiguous(flags) ?? { command };
}

function byKey(list: unknown, key: string): unknown {
  return byEntry(list, (entry) => {
    const { [key]: name, type: _, __defaults, ...rest } = asObject(entry);
    return nameAndValue(name, "value" in rest ? rest.value : rest);
  });
}

function nameAndValue(name: unknown, value: unknown): [string, unknown] | undefined {
  return typeof name === "string" ? [name, value] : undefined;
}

/** A list as an object, where every entry has a name of its own; any other list stays as it is. */
function byEntry(list: unknown, entryOf: (entry: unknown) => [string, unknown] | undefined): unknown {
  if (!Array.isArray(list)) return list;
  const entries = list.map(entryOf).filter((entry) => entry !== undefined);
  return (entries.length === list.length && unambiguous(entries)) || list;
}

function unambiguous(entries: readonly (readonly [string, unknown])[]): object | undefined {
  const names = new Set(entries.map(([name]) => name));
  return names.size === entries.length ? Object.fromEntries(entries) : undefined;
}

function splitAtEquals(text: unknown): [string, string] | undefined {
  if (typeof text !== "string") return undefined;
  const at = text.indexOf("=");
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

function collect(
  all: Map<string, { raw: string; shown: string }>,
  path: string,
  value: unknown,
  isSecret: boolean,
  depth = 0,
): void {
  if (value === undefined) return;
  if (depth > deepest)
    throw new UserError(`a value is nested deeper than ${deepest} levels\nfix: see what wrote the file`);
  const nested = typeof value === "string" ? parsed(value) : value;
  if (typeof nested !== "object" || nested === null) {
    const raw = String(value);
    all.set(path, { raw, shown: isSecret ? masked : shown(raw) });
  } else if (isSecretObject(nested)) {
    all.set(path, { raw: JSON.stringify(nested), shown: masked });
  } else if (Array.isArray(nested) && nested.every((item) => typeof item !== "object" || item === null)) {
    all.set(path, { raw: JSON.stringify(nested), shown: isSecret ? masked : shown(nested.join(" ")) });
  } else {
    for (const [key, item] of Object.entries(nested)) {
      // Pulumi's own: which values are defaults.
      if (key === "__defaults") continue;
      const name = Array.isArray(nested) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      collect(all, name, item, isSecret || isCredential(key, item), depth + 1);
    }
  }
}

/** JSON in a string, such as a rank table, is compared value by value too, unless it is nested absurdly deep. */
function parsed(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    const value = JSON.parse(text);
    return isDeeper(value, deepest / 2) ? text : value;
  } catch {
    return text;
  }
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

function shown(raw: string): string {
  const safe = maskText(raw.slice(0, window));
  return raw.length <= longestValue ? safe : `${cut(safe, longestValue)} (${raw.length} characters)`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
