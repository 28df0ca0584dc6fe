/*
 * Other systems call their files rank tables too, and three of them name theirs by the same environment variable.
 * A reader that takes one for another finds a coordinator where the scheduler should be, so each is told by its
 * marks and refused by name. All parameters are parsed JSON of unknown shape.
 */

/** What `table` is, if it is anything but the manual's global rank table. */
export function notGlobalRankTable(table: unknown): string | undefined {
  const count = list(table, "server_group_list").length;
  return (
    notHostRankTable(table) ??
    (count === 1 || count === 2
      ? "the rank table of one host before the merge (fewer than three groups)"
      : undefined)
  );
}

/** The same, where the table of one host before the merge is welcome too. */
export function notHostRankTable(table: unknown): string | undefined {
  if (has(table, "server_group_list")) return otherGroups(list(table, "server_group_list"));
  if (has(table, "server_list") && has(table, "group_id"))
    return "a local rank table; the global one is wanted";
  return otherTable(table);
}

/** What `table` is, if it is anything but the manual's local rank table. */
export function notLocalRankTable(table: unknown): string | undefined {
  if (has(table, "server_group_list")) return "a global rank table; a local one is wanted";
  if (!has(table, "group_id")) return otherTable(table);
  const isOfSeveral = list(table, "server_list").length > 1;
  return isOfSeveral ? "an Omni-infer local rank table over several hosts" : undefined;
}

function otherGroups(groups: readonly unknown[]): string | undefined {
  const servers = (id: string) =>
    groups
      .filter((group) => String(Object(group).group_id) === id)
      .flatMap((group) => list(group, "server_list"));
  // A `device_logical_id` is no mark: AscendCloud's tables of an A3 have it too.
  const isMindIe =
    groups.some((group) => has(group, "super_pod_list")) ||
    (servers("1").length > 0 && !servers("1").some(hasDevice) && servers("2").some(hasDevice));
  if (isMindIe) return "a MindIE global rank table (group 0 coordinator, 1 controller)";
  if (servers("0").some(hasDevice)) return "an Omni-infer global rank table (no scheduler in group 0)";
  const isPerInstance = servers("3").some(hasDevice);
  return isPerInstance ? "a ModelArts platform rank table (a group for each instance)" : undefined;
}

function otherTable(table: unknown): string | undefined {
  if (has(table, "prefill_device_list")) return "a vllm-ascend rank table (LLMDataDist connector)";
  if (has(table, "rank_list")) return "an HCCL rank table, version 2.0";
  if (has(table, "group_list")) return "an HCCL rank table of the oldest form";
  if (!has(table, "server_list")) return undefined;
  if (list(table, "server_list").some((server) => has(server, "container_ip")))
    return "a MindIE-LLM rank table";
  const version = Object(table).version;
  return `an HCCL rank table, ${typeof version === "string" ? `version ${version.slice(0, 8)}` : "without version"}`;
}

const has = (value: unknown, key: string): boolean => Object.hasOwn(Object(value), key);

const hasDevice = (server: unknown): boolean => list(server, "device").length > 0;

function list(value: unknown, key: string): readonly unknown[] {
  const found = Object(value)[key];
  return Array.isArray(found) ? found : [];
}
