import type { FilePlan } from "../../../planning/plan.ts";
import { error, type Problem } from "../../../problems/problem.ts";
import { repeated } from "../../../problems/repeated.ts";
import { count } from "../../../problems/text.ts";
import {
  globalTable,
  idsOf,
  localTable,
  type ServerGroups,
  serverJson,
} from "../../../rank-tables/format.ts";
import { hostTableName, localTableName } from "./names.ts";

/** What runs on one host, as the manual's tool is told: NPU ids in rank order, instance by instance. */
export interface HostLayout {
  readonly prefill: readonly (readonly number[])[];
  readonly decode: readonly (readonly number[])[];
  /** Whether the scheduler runs here. */
  readonly apiServer: boolean;
}

/** What `--prefill-server-list` and `--decode-server-list` were given: `4,5` for an instance. */
export interface ServerLists {
  readonly prefill: readonly string[];
  readonly decode: readonly string[];
}

const roles = ["prefill", "decode"] as const;

/** The lists as numbers, or everything that is wrong with them. */
export function parseServerLists(
  lists: ServerLists,
): { readonly layout: Omit<HostLayout, "apiServer"> } | { readonly problems: Problem[] } {
  const instances = roles.flatMap((role) =>
    lists[role].map((typed) => ({
      role,
      path: `--${role}-server-list ${typed}`,
      typed,
      ids: typed.split(","),
    })),
  );
  const wrongIds = instances.flatMap(({ path, typed, ids }) =>
    ids
      .filter((id) => !/^([0-9]|1[0-5])$/.test(id))
      .map((id) => error("PD103", path, `"${id}" is not an NPU id`, idFix(typed))),
  );
  if (wrongIds.length > 0) return { problems: wrongIds };

  const uses = instances.flatMap((instance) => instance.ids.map((id) => ({ ...instance, id })));
  const shared = repeated(uses, ({ id }) => id).map(([{ path, id }, first]) =>
    error("PD102", path, `NPU ${id} is already in ${first.path}`, "give each NPU to one instance"),
  );
  const unequal = instances.flatMap(({ role, path, ids }) => {
    const first = instances.find((instance) => instance.role === role);
    if (first === undefined || ids.length === first.ids.length) return [];
    const message = `${count(ids.length, "NPU")} while ${first.path} has ${first.ids.length}`;
    return [error("PD104", path, message, `give every ${role} instance ${first.ids.length}`)];
  });
  // Of a repeated NPU the name is repeated too, which is no news.
  const ambiguous = repeated(instances, ({ ids }) => ids.join(""))
    .filter(([{ ids }, first]) => ids.join() !== first.ids.join())
    .map(([{ path, ids }, first]) => {
      // A single id has no other order, and then the other instance has several.
      const reordered = ids.length > 1 ? ids : first.ids;
      return error(
        "PD220",
        path,
        `its file and that of ${first.path} would both be named local_ranktable_…_${ids.join("")}.json`,
        `write ${reordered.join(",")} in another order, e.g. ${[...reordered].reverse().join(",")}; ranks follow it`,
      );
    });
  const problems = [...shared, ...unequal, ...ambiguous];
  if (problems.length > 0) return { problems };
  const numbers = (role: (typeof roles)[number]) => lists[role].map((typed) => typed.split(",").map(Number));
  return { layout: { prefill: numbers("prefill"), decode: numbers("decode") } };
}

function idFix(typed: string): string {
  if (typed.trim() === "") return "give ids, e.g. 4,5, or leave the option out";
  if (/^[\d,\s]+$/.test(typed) && /\s/.test(typed.trim())) {
    const instances = typed
      .trim()
      .replaceAll(/\s*,\s*/g, ",")
      .split(/\s+/);
    const one = instances.join(",");
    if (instances.length === 1) return `write ${one}, without a blank`;
    return `write ${one} for one instance, ${instances.join(" ")} without quotes for ${instances.length}`;
  }
  if (/^\d+-\d+$/.test(typed)) return "write each id, without a range, e.g. 4,5";
  if (/[，、;]/.test(typed)) return "separate ids with a plain comma, e.g. 4,5";
  if (typed.split(",").includes(""))
    return "write ids with a comma and no blank between them, e.g. 4,5; spaces separate instances";
  return "use N of /dev/davinciN, 0 to 15, e.g. 4,5";
}

/** The entries of the host `ip`. */
export function hostGroups(
  ip: string,
  { prefill, decode, apiServer }: HostLayout,
  ipOf: (device: number) => string,
): ServerGroups {
  const server = (devices: readonly number[]) =>
    serverJson(
      ip,
      devices.map((device) => [device, ipOf(device)]),
    );
  return {
    scheduler: apiServer ? [server([])] : [],
    prefill: prefill.map(server),
    decode: decode.map(server),
  };
}

/**
 * The files of the manual's tool for the host `ip`; `path` is a name. The global table comes last: who finds it new
 * finds all of them new.
 */
export function hostRankTables(ip: string, groups: ServerGroups): FilePlan[] {
  const servers = [...groups.prefill, ...groups.decode, ...groups.scheduler];
  const local = servers.map((server) => ({
    path: localTableName(ip, idsOf(server)),
    content: localTable(server),
  }));
  return [...local, { path: hostTableName(ip), content: globalTable(groups) }];
}
