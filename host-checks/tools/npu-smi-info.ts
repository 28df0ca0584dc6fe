import { linesOf, quoted, type Reading, unreadable } from "./reading.ts";
import { type Columns, columnsOf, isHeader, type Row, rowsOf, valuesOf } from "./table.ts";

/** The table that `npu-smi info` prints, as far as it can be read. */
export interface NpuInfo {
  /** Of the tool, e.g. `25.5.1`. */
  readonly release: string | undefined;
  readonly devices: readonly NpuDevice[];
  /** Rows of devices that mean nothing here: what is not among `devices` may be in one of them. */
  readonly oddDevices: readonly string[];
  /** Whether all rows of devices came. */
  readonly isWhole: boolean;
  /** Undefined: this release prints no table of processes, or it was cut off before. */
  readonly processes: readonly NpuProcess[] | undefined;
  /** Cards of which it says that nothing runs there. */
  readonly idle: readonly number[];
  /** Rows of processes that mean nothing here, of a card or of nobody knows which. */
  readonly oddProcesses: readonly { readonly npu: number | undefined; readonly row: string }[];
}

export interface NpuDevice {
  /** N of /dev/davinciN, undefined where that is not told. */
  readonly id: number | undefined;
  readonly npu: number;
  readonly chip: number;
  readonly name: string;
  /** In the tool's words: `OK`, `Warning`, `Alarm`, …; `NA` where it does not know. */
  readonly health: string;
  /** Of HBM, or of all memory where there is none. */
  readonly memory: { readonly usedMb: number; readonly totalMb: number } | undefined;
}

export interface NpuProcess {
  readonly npu: number;
  /** Undefined where a card is one chip. */
  readonly chip: number | undefined;
  /** As the host counts it. */
  readonly pid: number;
  readonly name: string;
  readonly memoryMb: number | undefined;
}

/** `untold`: it does not know, or does not say. A word that is not known here is a warning. */
export function healthOf({ health }: NpuDevice): "ok" | "warning" | "fault" | "untold" {
  if (/^ok$/i.test(health)) return "ok";
  if (/^(alarm|critical|unknown|fault|error|abnormal|unhealthy|offline|lost)\b/i.test(health)) return "fault";
  return /^(NA|N\/A|-+)$/i.test(health) ? "untold" : "warning";
}

/** Reads what `npu-smi info` printed. A row that does not fit hides no other; unreadable is what has no such table. */
export function readNpuInfo(output: string): Reading<NpuInfo> {
  const rows = rowsOf(output);
  const headers = rows.map(columnsOf);
  const card = headers.findIndex((columns) => isHeader(columns, "npu", "health"));
  const chip = headers.findIndex((columns, at) => at > card && isHeader(columns, "bus-id"));
  if (card < 0 || chip < 0) return unlike(output, rows);
  const processHeader = headers.findIndex(
    (columns, at) => at > chip && isHeader(columns, "npu", "process id"),
  );
  const deviceRows = rows.slice(chip + 1, processHeader < 0 ? undefined : processHeader);
  const { devices, odd } = readDevices(deviceRows, headers[card] ?? [], headers[chip] ?? []);
  if (devices.length === 0) return odd[0] === undefined ? unlike(output, rows) : quoted(odd[0]);
  const release = /npu-smi\s+(\S+)/.exec(rows[0]?.text ?? "")?.[1];
  const last =
    linesOf(output)
      .findLast((line) => line.trim() !== "")
      ?.trim() ?? "";
  const found = { release, devices, oddDevices: odd };
  if (processHeader < 0) {
    const isWhole = /[=-]\+$/.test(last);
    return { value: { ...found, isWhole, processes: undefined, idle: [], oddProcesses: [] } };
  }
  const columns = headers[processHeader] ?? [];
  return { value: { ...found, isWhole: true, ...readProcesses(rows.slice(processHeader + 1), columns) } };
}

/** No table of NPUs: its first row below the banner tells most, if it is a table at all. */
function unlike(output: string, rows: readonly Row[]): Reading<never> {
  const row = rows.find(({ text }) => !/^\|\s*npu-smi\b/.test(text));
  return row === undefined ? unreadable(output) : quoted(row.text);
}

/** Two rows a device: that of its card, then its own. */
function readDevices(rows: readonly Row[], card: Columns, chip: Columns) {
  const devices: NpuDevice[] = [];
  const odd: string[] = [];
  let above:
    | { readonly row: Row; readonly npu: number; readonly name: string; readonly health: string }
    | undefined;
  const close = (row: Row | undefined, values: ReadonlyMap<string, string> | undefined) => {
    if (above === undefined) return;
    const { npu, name, health } = above;
    const number = numberOf(values?.get("chip")) ?? 0;
    // Where dies have ids of their own, none is known of a die whose row is not.
    const hasIds = ["phy-id", "device"].some((one) => isHeader(chip, one));
    const id = hasIds
      ? numberOf(values?.get("phy-id") ?? values?.get("device"))
      : number === 0
        ? npu
        : undefined;
    devices.push({ id, npu, chip: number, name, health, memory: memoryOf(row) });
    above = undefined;
  };
  for (const row of rows) {
    const values = valuesOf(row, card);
    const [npu, name, health] = [numberOf(values?.get("npu")), values?.get("name"), values?.get("health")];
    const ofChip = chipValues(row, chip);
    // `NA` may be a name, a health and a bus: then it is what comes next.
    const isCard = npu !== undefined && Boolean(name) && Boolean(health) && /^[\p{L}-]/u.test(health ?? "");
    if (above !== undefined && ofChip !== undefined) close(row, ofChip);
    else if (isCard && name !== undefined && health !== undefined) {
      if (above !== undefined) {
        odd.push(above.row.text);
        close(undefined, undefined);
      }
      above = { row, npu, name, health };
    } else {
      odd.push(row.text);
      close(undefined, undefined);
    }
  }
  if (above !== undefined) {
    odd.push(above.row.text);
    close(undefined, undefined);
  }
  return { devices, odd };
}

/** A chip's own row: a bus, and what other cells its header has. */
function chipValues(row: Row, chip: Columns): ReadonlyMap<string, string> | undefined {
  const values = valuesOf(row, chip);
  const isBus = /^([\da-fx]{4,}:[\da-fx]{2}:[\da-fx]{2}\.\d|NA|-)$/i.test(values?.get("bus-id") ?? "");
  const numbers = ["chip", "phy-id", "device"].map((name) => values?.get(name) ?? "NA");
  return isBus && numbers.every((one) => /^(\d+|NA|-)$/i.test(one)) ? values : undefined;
}

/** The last of `0 / 0  3402 / 65536`, be it of HBM or of all there is. */
function memoryOf(row: Row | undefined): NpuDevice["memory"] {
  const [, used, total] = /(\d+) ?\/ ?(\d+)$/.exec(row?.cells.at(-1) ?? "") ?? [];
  if (used === undefined || total === undefined || Number(total) === 0) return undefined;
  return { usedMb: Number(used), totalMb: Number(total) };
}

function readProcesses(
  rows: readonly Row[],
  columns: Columns,
): Pick<NpuInfo, "idle" | "oddProcesses"> & { readonly processes: readonly NpuProcess[] } {
  const processes: NpuProcess[] = [];
  const idle: number[] = [];
  const oddProcesses: NpuInfo["oddProcesses"][number][] = [];
  for (const row of rows) {
    const nobody = /^No running process(?:es)? found in NPU (\d+)/i.exec(row.cells[0] ?? "")?.[1];
    if (nobody !== undefined) {
      idle.push(Number(nobody));
      continue;
    }
    const values = valuesOf(row, columns);
    const [npu, pid] = [numberOf(values?.get("npu")), numberOf(values?.get("process id"))];
    const [name, chip] = [values?.get("process name"), values?.get("chip")];
    if (npu === undefined || pid === undefined || name === undefined) {
      oddProcesses.push({ npu, row: row.text });
      continue;
    }
    processes.push({
      npu,
      chip: numberOf(chip),
      pid,
      name,
      memoryMb: numberOf(values?.get("process memory")),
    });
  }
  return { processes, idle, oddProcesses };
}

const numberOf = (text: string | undefined): number | undefined =>
  /^\d{1,9}$/.test(text ?? "") ? Number(text) : undefined;
