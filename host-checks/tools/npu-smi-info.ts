import { linesOf, type Reading, unreadable } from "./reading.ts";

/** The table that `npu-smi info` prints. */
export interface NpuInfo {
  /** `A3`: a row has a physical id of its own, since a card has two dies. */
  readonly layout: "A2" | "A3";
  readonly devices: readonly NpuDevice[];
  /** Undefined: this release prints no table of processes. */
  readonly processes: readonly NpuProcess[] | undefined;
}

export interface NpuDevice {
  /** N of /dev/davinciN: the NPU on A2, the die's physical id on A3; undefined where that is `NA`. */
  readonly id: number | undefined;
  readonly npu: number;
  readonly chip: number;
  readonly name: string;
  /** In the tool's words: `OK`, `Warning`, `Alarm`, … */
  readonly health: string;
  readonly hbm: { readonly usedMb: number; readonly totalMb: number } | undefined;
}

export interface NpuProcess {
  readonly npu: number;
  readonly chip: number;
  /** As the host counts it. */
  readonly pid: number;
  readonly name: string;
  readonly memoryMb: number;
}

/**
 * Reads what `npu-smi info` printed. By cells and header names, never by column: releases differ in widths. A row
 * that does not fit makes all of it unreadable.
 */
export function readNpuInfo(output: string): Reading<NpuInfo> {
  const rows = linesOf(output)
    .filter((line) => line.includes("|"))
    .map(cellsOf);
  const header = rows.findIndex((row) => /^Chip( +Phy-ID)?$/.test(row[0] ?? "") && row[1] === "Bus-Id");
  if (header < 1 || !/^NPU +Name$/.test(rows[header - 1]?.[0] ?? "") || rows[header - 1]?.[1] !== "Health") {
    return unreadable(output);
  }
  const layout = rows[header]?.[0] === "Chip" ? "A2" : "A3";
  const hasHbm = /HBM-Usage\(MB\)$/.test(rows[header]?.at(-1) ?? "");
  const processHeader = rows.findIndex((row) => /^NPU +Chip$/.test(row[0] ?? "") && row[1] === "Process id");
  const deviceRows = rows.slice(header + 1, processHeader < 0 ? undefined : processHeader);
  const devices = readDevices(deviceRows, layout, hasHbm);
  if (devices === undefined) return unreadable(output);
  if (processHeader < 0) return { value: { layout, devices, processes: undefined } };
  const processes = readProcesses(rows.slice(processHeader + 1), devices);
  return processes === undefined ? unreadable(output) : { value: { layout, devices, processes } };
}

/** `| 5     910B3 | OK |` as its cells. A row that lost its ends has none, so that it fits nowhere. */
function cellsOf(row: string): string[] {
  const inner = /^\s*\|(.*)\|\s*$/.exec(row)?.[1];
  return inner === undefined ? [] : inner.split("|").map((cell) => cell.trim());
}

/** Two rows a device: that of its card, then its own. */
function readDevices(
  rows: readonly string[][],
  layout: NpuInfo["layout"],
  hasHbm: boolean,
): NpuDevice[] | undefined {
  if (rows.length === 0 || rows.length % 2 !== 0) return undefined;
  const devices: NpuDevice[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const [, npu, name] = /^(\d+) +(\S*[A-Za-z].*)$/.exec(rows[at]?.[0] ?? "") ?? [];
    const health = rows[at]?.[1];
    const ids = layout === "A2" ? /^(\d+)$/ : /^(\d+) +(\d+|NA)$/;
    const [, chip, physical] = ids.exec(rows[at + 1]?.[0] ?? "") ?? [];
    const isWhole = npu !== undefined && name !== undefined && chip !== undefined && Boolean(health);
    if (!isWhole || health === undefined) return undefined;
    const id = layout === "A2" ? npu : physical;
    const hbm = hasHbm ? /(\d+) *\/ *(\d+)$/.exec(rows[at + 1]?.at(-1) ?? "") : null;
    devices.push({
      id: id === "NA" ? undefined : Number(id),
      npu: Number(npu),
      chip: Number(chip),
      name,
      health,
      hbm: hbm === null ? undefined : { usedMb: Number(hbm[1]), totalMb: Number(hbm[2]) },
    });
  }
  return devices;
}

/** Undefined also when a card is not spoken of: the output was cut off. */
function readProcesses(rows: readonly string[][], devices: readonly NpuDevice[]): NpuProcess[] | undefined {
  const processes: NpuProcess[] = [];
  const seen = new Set<number>();
  for (const [place = "", pid, name, memory] of rows) {
    const [, idle] = /^No running processes found in NPU (\d+)$/.exec(place) ?? [];
    const [, npu, chip] = /^(\d+) +(\d+)$/.exec(place) ?? [];
    seen.add(Number(idle ?? npu));
    if (idle !== undefined) continue;
    if (chip === undefined || !isNumber(pid) || name === undefined || !isNumber(memory)) return undefined;
    processes.push({
      npu: Number(npu),
      chip: Number(chip),
      pid: Number(pid),
      name,
      memoryMb: Number(memory),
    });
  }
  return devices.every(({ npu }) => seen.has(npu)) ? processes : undefined;
}

const isNumber = (text: string | undefined): boolean => /^\d+$/.test(text ?? "");
