import { field, linesOf, quoted, type Reading, unreadable } from "./reading.ts";

export interface Card {
  readonly npu: number;
  /** 2 on A3, where each is a device. */
  readonly chips: number;
}

/** `npu-smi info -l`: the cards of the host. */
export function readCards(output: string): Reading<readonly Card[]> {
  const numbers = (label: string) =>
    linesOf(output).flatMap((line) => {
      const [, key, value] = /^\s*(.*?)\s*:\s*(\d+)\s*$/.exec(line) ?? [];
      return key === label ? [Number(value)] : [];
    });
  const [total] = numbers("Total Count");
  const npus = numbers("NPU ID");
  const chips = numbers("Chip Count");
  if (npus.length !== total || chips.length !== total) return unreadable(output);
  return { value: npus.map((npu, index) => ({ npu, chips: chips[index] ?? 0 })) };
}

export interface Chip {
  readonly npu: number;
  readonly chip: number;
  /** As programs count it, where the release prints it. */
  readonly logicId: number | undefined;
  /** N of /dev/davinciN, where the release prints it. */
  readonly physicalId: number | undefined;
  readonly name: string;
}

const chipColumns = ["NPU ID", "Slot ID", "Chip ID", "Chip Logic ID", "Chip Phy-ID", "Chip Name"];

/**
 * `npu-smi info -m`: the chips that compute; a card's controller, which has no ids, is left out. Releases differ in the
 * columns that they print; Ascend 950 has slots, and no logic ids.
 */
export function readChips(output: string): Reading<readonly Chip[]> {
  const [header = "", ...rows] = linesOf(output).filter((line) => line.trim() !== "");
  const columns = header.trim().split(/\s{2,}|\t/);
  const isKnown = columns.every((column) => chipColumns.includes(column));
  if (!isKnown || columns[0] !== "NPU ID" || columns.at(-1) !== "Chip Name") return unreadable(output);
  const chips: Chip[] = [];
  for (const row of rows) {
    const cells = row.trim().split(/\s+/);
    const at = (column: string) => cells[columns.indexOf(column)];
    const name = cells.slice(columns.length - 1).join(" ");
    const [npu, chip] = [at("NPU ID"), at("Chip ID")];
    if (![npu, chip].every(isNumber) || name === "") return quoted(row);
    const [logic, physical] = [at("Chip Logic ID"), at("Chip Phy-ID")].map((id) =>
      isNumber(id) ? Number(id) : undefined,
    );
    if (logic === undefined && (columns.includes("Chip Logic ID") || physical === undefined)) continue;
    chips.push({ npu: Number(npu), chip: Number(chip), logicId: logic, physicalId: physical, name });
  }
  return chips.length > 0 ? { value: chips } : unreadable(output);
}

const isNumber = (text: string | undefined): boolean => /^\d+$/.test(text ?? "");

export interface Board {
  /** Of the driver, e.g. `25.5.1`. */
  readonly software: string;
  readonly firmware: string;
  /** Whether the two fit, in the tool's words; older releases do not say. */
  readonly compatibility: string | undefined;
}

/** `npu-smi info -t board -i N` */
export function readBoard(output: string): Reading<Board> {
  const software = field(output, "Software Version");
  const firmware = field(output, "Firmware Version");
  if (!software || !firmware) return unreadable(output);
  return { value: { software, firmware, compatibility: field(output, "Compatibility") } };
}

export interface Health {
  /** In the tool's words: `OK`, `Warning`, `Alarm`, … */
  readonly status: string;
  /** Undefined when there is none. */
  readonly errorCode: string | undefined;
}

/** `npu-smi info -t health -i N`; the first chip's, where a card has several. */
export function readHealth(output: string): Reading<Health> {
  const status = field(output, "Health Status");
  if (!status) return unreadable(output);
  const code = field(output, "Error Code");
  return { value: { status, errorCode: code === "NA" || code === "" ? undefined : code } };
}
