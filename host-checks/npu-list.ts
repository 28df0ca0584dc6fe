/** NPU ids, N of /dev/davinciN, and the items of the list that mean nothing known. */
export interface NpuList {
  readonly npus: readonly number[] | "all";
  readonly odd: readonly string[];
}

/** No host has more nodes; what has a higher number is a slice of an NPU (vNPUs begin at 100). */
const mostNpus = 64;

/**
 * What `ASCEND_VISIBLE_DEVICES` and its like name: `0-2,4`, `Ascend910-4,Ascend910-5`, `all`, `void`; and of a slice,
 * `Ascend910-4c-100-3`, the NPU that it is cut from.
 */
export function readNpuList(list: string): NpuList {
  const items = list.split(/[,;\s"']+/).filter(Boolean);
  if (items.some((item) => /^all$/i.test(item))) return { npus: "all", odd: [] };
  const read = items.map((item) => ({ item, npus: npusOf(item) }));
  return {
    npus: read.flatMap(({ npus }) => npus ?? []),
    odd: read.flatMap(({ item, npus }) => (npus === undefined ? [item] : [])),
  };
}

const slice = /^ascend\w*-[\w.]*c[\w.]*-\d+-(\d+)$/i;
const named = /^(?:ascend\w*[-:]|npu[-:]?|davinci)?(\d+)$/i;

function npusOf(item: string): readonly number[] | undefined {
  if (/^(void|none)$/i.test(item)) return [];
  const [, low, high] = /^(\d+)-(\d+)$/.exec(item) ?? [];
  const [, one] = slice.exec(item) ?? named.exec(item) ?? [];
  const first = Number(low ?? one);
  const last = Number(high ?? one);
  if (!(first <= last && last < mostNpus)) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
