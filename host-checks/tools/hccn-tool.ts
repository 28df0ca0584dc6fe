import { isIpv4 } from "../../rank-tables/addresses.ts";
import { field, linesOf, type Reading, unreadable } from "./reading.ts";

/*
 * `hccn_tool -i N … -g` of the driver, N a physical NPU id: the state of the NPU's own network port.
 * Each function takes what the option in its comment printed.
 */

/** `-ip`: the IPv4 address; undefined when the tool says that there is none. */
export function readDeviceIp(output: string): Reading<string | undefined> {
  if (output.trim() === "" || /no ip was preset/i.test(output)) return { value: undefined };
  const address = field(output, "ipaddr");
  return address !== undefined && isIpv4(address) ? { value: address } : unreadable(output);
}

/** `-link` */
export function readLink(output: string): Reading<"UP" | "DOWN"> {
  const status = field(output, "link status");
  return status === "UP" || status === "DOWN" ? { value: status } : unreadable(output);
}

export interface NetHealth {
  /** In the tool's words. */
  readonly status: string;
  /** `unclear`: not checked yet (`Init`), or a word that is not known here. */
  readonly verdict: "good" | "fault" | "unclear";
}

/** Releases differ in `Socket fail` and `Socket failed`. */
const faults =
  /^(socket fail(ed)?|receive timeout|unreachable|time exceeded|fault|thread error|detect ip set)$/i;

/** `-net_health`: whether the port reaches its detection address. */
export function readNetHealth(output: string): Reading<NetHealth> {
  const status = field(output, "net health status");
  if (!status) return unreadable(output);
  const verdict = status === "Success" ? "good" : faults.test(status) ? "fault" : "unclear";
  return { value: { status, verdict } };
}

/** `-tls`: whether links are encrypted, which must be equal on all NPUs that talk to each other. */
export function readTls(output: string): Reading<boolean> {
  const state = /\btls switch\s*[[(]([01])[\])]/i.exec(output)?.[1];
  return state === undefined ? unreadable(output) : { value: state === "1" };
}

export interface Vnic {
  readonly link: "UP" | "DOWN";
  readonly address: string;
}

/** `-vnic`: the port inside an A3 host. */
export function readVnic(output: string): Reading<Vnic> {
  const link = field(output, "vnic link status");
  const address = field(output, "vnic ipaddr");
  const isWhole = (link === "UP" || link === "DOWN") && address !== undefined && isIpv4(address);
  return isWhole ? { value: { link, address } } : unreadable(output);
}

export interface LinkChange {
  readonly link: "UP" | "DOWN";
  /** As printed, in the host's time: `Sun Oct  5 10:13:51 2025`. */
  readonly at: string;
}

/** `-link_stat`: what happened to the link, the latest first. Many recent DOWN: a flapping port. */
export function readLinkChanges(output: string): Reading<readonly LinkChange[]> {
  const lines = linesOf(output);
  const changes = lines.flatMap((line): LinkChange[] => {
    const [, at, link] =
      /^\[dev(?:id|ice) \d+\]\s*(\w+ \w+ +\d+ \d+:\d+:\d+ \d+)\s+LINK (\w+)/.exec(line) ?? [];
    return at !== undefined && (link === "UP" || link === "DOWN") ? [{ link, at }] : [];
  });
  const isReport = lines.some((line) => /^\[dev(id|ice) \d+\]\s*link /.test(line));
  return changes.length > 0 || isReport ? { value: changes } : unreadable(output);
}

/** `-stat`: the port's counters since the driver was loaded, by name. */
export function readStat(output: string): Reading<ReadonlyMap<string, number>> {
  const counters = linesOf(output).flatMap((line): [string, number][] => {
    const [, name, value] = /^\s*(\w+)\s*:\s*(\d+)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(value)]];
  });
  return counters.length > 0 ? { value: new Map(counters) } : unreadable(output);
}

/** `-optical`: what is wrong with the optical module, in the tool's words; of a copper cable it says nothing. */
export function readOptical(output: string): Reading<readonly string[]> {
  if (field(output, "present") === "not present") return { value: ["not present"] };
  const rows = linesOf(output).flatMap((line) => {
    const [, label = "", value, unit = ""] =
      /^\s*([\w ]+?)\s*:\s*(-?0x[\da-f]+|-?[\d.]+)\s*(\w*)\s*$/i.exec(line) ?? [];
    return value === undefined
      ? []
      : [
          {
            label: label.replaceAll(" ", "").toLowerCase(),
            value: Number(value),
            unit,
            line: line.trim().replaceAll(/\s+/g, " "),
          },
        ];
  });
  if (rows.length === 0 && field(output, "present") === undefined) return unreadable(output);
  const limit = (label: string, unit: string) =>
    rows.find((row) => row.label === `${label}thres` && row.unit === unit)?.value;
  const bad = rows.filter(({ label, value, unit }) => {
    const [, power] = /^([rt]xpower)\d*$/.exec(label) ?? [];
    if (power !== undefined) return value < (limit(`${power}low`, unit) ?? Number.NEGATIVE_INFINITY);
    if (label === "temperature") return value > (limit("temphigh", unit) ?? Number.POSITIVE_INFINITY);
    return /^[rt]xl[o]?[sl]flag$/.test(label) && value !== 0;
  });
  return { value: bad.map(({ line }) => line.replace(" :", ":")) };
}
