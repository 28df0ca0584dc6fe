import type { Access } from "./access.ts";
import { apply, read } from "./apply.ts";
import { type ApiObject, titleOf } from "./objects.ts";

/** What the cluster would make of an object, a line for each field; none where it is that already. */
export async function differences(access: Access, object: ApiObject): Promise<readonly string[]> {
  const before = await read(access, object);
  const after = await apply(access, object, { dryRun: true });
  if (before === undefined) return [`${titleOf(object)} is new`];
  return fields("", essence(before), essence(after)).map((line) => `${titleOf(object)}${line}`);
}

/** Without what the cluster keeps of it for itself. */
function essence({ metadata, ...rest }: ApiObject & { status?: unknown }): unknown {
  const { labels, annotations } = metadata as { labels?: unknown; annotations?: unknown };
  const { status, ...own } = rest;
  return { ...own, metadata: { labels, annotations } };
}

function fields(path: string, before: unknown, after: unknown): string[] {
  if (Object.is(before, after)) return [];
  if (isNode(before) && isNode(after) && Array.isArray(before) === Array.isArray(after)) {
    const [old, now] = [new Map(entriesOf(before)), new Map(entriesOf(after))];
    const names = [...new Set([...old.keys(), ...now.keys()])];
    return names.flatMap((name) => fields(`${path}${name}`, old.get(name), now.get(name)));
  }
  return [`${path}: ${shown(before)} → ${shown(after)}`];
}

const isNode = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Elements of lists go by their names where they have some. */
function entriesOf(value: object): [string, unknown][] {
  if (!Array.isArray(value)) return Object.entries(value).map(([name, one]) => [`.${name}`, one]);
  return value.map((one, index) => [`[${isNode(one) && "name" in one ? one.name : index}]`, one]);
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? "");
  return text.length > 160 ? `${text.slice(0, 157)}…` : text;
}
