import type { ErrorObject } from "ajv";
import { error, type Problem } from "../problems/problem.ts";
import { repeated } from "../problems/repeated.ts";
import { showPath } from "../problems/show-path.ts";
import { canonical } from "./addresses.ts";
import type { DeviceJson, ServerJson } from "./format.ts";
import type { RepeatedKey } from "./structure.ts";

/** A group of a global table, or a local table, as the schemas have it. */
export interface GroupJson {
  readonly group_id: string;
  readonly server_count: string;
  readonly server_list: readonly [ServerJson, ...ServerJson[]];
}

/** A global table of three groups, or of one host before the merge. */
export interface GlobalJson<Groups = readonly [GroupJson, GroupJson, GroupJson]> {
  readonly server_group_list: Groups;
}

const longestPath = 200;

const rewrite = "write the file anew, from a stack file or with `ascend-pd ranktable`";

/** PD201: not JSON. PD202: another system's table. */
export function wholeFileProblem(code: "PD201" | "PD202", message: string): Problem {
  return error(code, "(file)", message, rewrite);
}

/** PD206: of two keys of one name nobody knows which is meant. */
export function repeatedKeyProblem({ path, key, line }: RepeatedKey): Problem {
  const shownPath = showPath(path);
  return error(
    "PD206",
    shownPath.length > longestPath ? `${shownPath.slice(0, longestPath - 1)}…` : shownPath || "(file)",
    `${show(key)} stands there twice, the second time in line ${line}`,
    "keep the one that is meant; one reader takes the first, another the last",
  );
}

/** A rank table has seven of them. */
const mostLevels = 64;

/** PD203: a file that is read, but could not be compared or written. */
export function depthProblems(depth: number): Problem[] {
  if (depth <= mostLevels) return [];
  const message = `nested ${depth} levels deep, where a rank table has 7`;
  return [error("PD203", "(file)", message, rewrite)];
}

/** PD203: what a schema refuses. */
export function schemaProblems(errors: readonly ErrorObject[], table: unknown): Problem[] {
  // "if" repeats that its "then" has failed.
  const reasons = errors.filter(({ keyword }) => keyword !== "if");
  return reasons.map(({ instancePath, keyword, params }) => {
    const keys = instancePath.split("/").slice(1);
    const value = keys.reduce<unknown>((inner, key) => Object(inner)[key], table);
    const path = showPath(keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key)));
    const [message, fix] = explain(keyword, params, keys.at(-1) ?? "", value);
    return error("PD203", path || "(file)", message, fix);
  });
}

function explain(
  keyword: string,
  params: Record<string, unknown>,
  key: string,
  value: unknown,
): [message: string, fix: string] {
  const shown = show(value);
  if (keyword === "required") return [`"${params.missingProperty}" is missing`, "add it"];
  if (typeof value === "number") return [`${value} is a number`, `write it as a string: "${value}"`];
  if (keyword === "minItems") return [`has fewer entries than the ${params.limit} needed`, rewrite];
  if (keyword === "maxItems") return [`has more entries than the ${params.limit} allowed`, rewrite];
  if (keyword === "pattern") {
    const isNumeral = ["device_id", "rank_id", "server_count"].includes(key);
    return [`${shown} is not ${isNumeral ? "a number" : "an address"}`, "put in the real value"];
  }
  if (keyword === "type") return [`${shown} should be of type ${params.type}`, rewrite];
  if (key === "status")
    return [`${shown} says that the table is not complete`, "wait until its status is completed"];
  if (keyword === "enum") return [`${shown} is none of ${params.allowedValues}`, rewrite];
  return [`${shown} should be "${params.allowedValue}"`, rewrite];
}

/** Of what may be a megabyte, or nested without end, as much as tells it. */
function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
  return typeof value === "object" && value !== null ? "what stands there" : String(value);
}

/** What the manual's engine can, and cannot. */
const oneHost =
  "an entry is a whole instance on one host: have each host's NPUs be an instance of its own, with ranks from 0; this format has no instance over hosts";

const ranksOf = (device: readonly DeviceJson[]) =>
  device.map(({ rank_id }) => Number(rank_id)).sort((a, b) => a - b);

/** PD204: what a schema cannot say. Each group comes with the path that leads to its keys. */
export function contradictions(groups: readonly (readonly [path: string, group: GroupJson])[]): Problem[] {
  const wrong = (path: string, message: string) => error("PD204", path, message, rewrite);
  const counts = groups.flatMap(([path, { server_count, server_list }]) => {
    if (Number(server_count) === server_list.length) return [];
    return [
      wrong(`${path}server_count`, `"${server_count}" while server_list has ${server_list.length} entries`),
    ];
  });
  const servers = groups.flatMap(([path, { server_list }]) =>
    server_list.map(({ server_ip, device = [] }, index) => ({
      server_ip,
      device,
      path: `${path}server_list[${index}]`,
    })),
  );
  const ranks = servers.flatMap(({ path, device, server_ip }, index) => {
    const ids = ranksOf(device);
    if (ids.every((id, position) => id === position)) return [];
    const before = servers[index - 1];
    if (
      before !== undefined &&
      canonical(before.server_ip) !== canonical(server_ip) &&
      ids[0] === (ranksOf(before.device).at(-1) ?? -1) + 1
    ) {
      const message = `its ranks ${ids.join(", ")} go on where ${before.path} ends: one instance on two hosts, ${before.server_ip} and ${server_ip}`;
      return [error("PD204", `${path}.device`, message, oneHost)];
    }
    return [wrong(`${path}.device`, `rank ids ${ids.join(", ")} are not 0 to ${ids.length - 1}`)];
  });
  const npus = servers.flatMap(({ path, server_ip, device }) =>
    device.map(({ device_id }, position) => ({ path, server_ip, device_id, position })),
  );
  const instances = groups
    .filter(([, { group_id }]) => group_id !== "0")
    .flatMap(([path, { server_list }]) =>
      server_list.map(({ device }, index) => ({ device, path: `${path}server_list[${index}].device` })),
    );
  const withDevice = instances.find(({ device }) => device !== undefined);
  const without = instances
    .filter(({ device }) => withDevice !== undefined && device === undefined)
    .map(({ path }) => wrong(path, `it is missing, while there is ${withDevice?.path}`));
  const twice = repeated(groups, ([, { group_id }]) => group_id).map(([[path, { group_id }]]) =>
    wrong(`${path}group_id`, `"${group_id}" is already that of another group`),
  );
  const shared = repeated(npus, ({ server_ip, device_id }) => `${canonical(server_ip)} ${device_id}`).map(
    ([{ path, server_ip, device_id, position }, first]) =>
      wrong(`${path}.device[${position}]`, `NPU ${device_id} of ${server_ip} is already in ${first.path}`),
  );
  return [...twice, ...counts, ...ranks, ...shared, ...without];
}
