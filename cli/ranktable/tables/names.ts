/*
 * File names of the manual's tool. Device ids are joined without a separator, so that on a host with 16 NPUs two
 * instances can have one name: 1,12 and 11,2 are both `_112`.
 */

export const mergedTableName = "global_ranktable_merge.json";

export const hostTableName = (ip: string): string => `global_ranktable_${ip}.json`;

/** The scheduler has no devices; its file says `host` instead. */
export const localTableName = (ip: string, devices: readonly string[]): string =>
  `local_ranktable_${ip}_${devices.length > 0 ? devices.join("") : "host"}.json`;

/**
 * What a local table's name says of its content, if it is named in that way. The manual's start commands spell it
 * `local_rank_table_`, and files are renamed to that.
 */
export function localNameParts(path: string): { readonly ip: string; readonly devices: string } | undefined {
  const [, ip, devices] = /(?:^|[\\/])local_rank_?table_([^_/\\]+)_(\d+|host)\.json$/.exec(path) ?? [];
  return ip === undefined || devices === undefined ? undefined : { ip, devices };
}
