import { canonical, isIpv4, isIpv6 } from "../rank-tables/addresses.ts";
import { readSections } from "./facts.ts";
import { generationOf } from "./tools/generations.ts";
import { readDeviceIp } from "./tools/hccn-tool.ts";
import { healthOf, readNpuInfo } from "./tools/npu-smi-info.ts";
import { linesOf, type Reading } from "./tools/reading.ts";

/** What a host has said of itself to somebody who knows nothing of it. */
export interface Discovered {
  /** The address that it was reached at, where it says so. */
  readonly address: string | undefined;
  /** The network interface that has this address. */
  readonly interface: string | undefined;
  /** `uname -m` */
  readonly machine: string;
  /** N of each /dev/davinciN, ascending. */
  readonly npus: readonly number[];
  /** As npu-smi calls them, each once. */
  readonly names: readonly string[];
  /** As stack files call it, where it is one that stacks run on. */
  readonly generation: "a2" | "a3" | undefined;
  readonly deviceIps: ReadonlyMap<number, string>;
  /** What of it a person should know: what is missing, not well, or could not be read. */
  readonly notes: readonly string[];
}

/** Reads what `discoveryScript` printed. */
export function discovered(output: string): Discovered {
  const sections = readSections(output);
  const said = (section: string): Reading<string> =>
    sections.get(section) ?? { unreadable: "it says nothing of it" };
  const text = (section: string): string => textOf(said(section)).trim();
  const npus = [
    ...new Set(
      linesOf(text("nodes"))
        .filter((line) => /^\d{1,2}$/.test(line))
        .map(Number),
    ),
  ].sort((a, b) => a - b);
  const reached = canonical(/^\S+ \d+ (\S+) \d+$/.exec(text("connection"))?.[1] ?? "");
  const address = isIpv4(reached) || isIpv6(reached) ? reached : undefined;
  const info = valued(said("npu-smi info"), readNpuInfo);
  const names = "value" in info ? [...new Set(info.value.devices.map(({ name }) => name))] : [];
  const known = new Set(names.map((name) => generationOf(name)?.name));
  const [only] = known.size === 1 ? [...known] : [];
  const ips = npus.map((npu) => [npu, valued(said(`hccn ${npu} ip`), readDeviceIp)] as const);
  const ill = "value" in info ? info.value.devices.filter((one) => healthOf(one) !== "ok") : [];
  const lacks = names.flatMap((name) => {
    const lack = generationOf(name)?.lacks;
    return lack === undefined ? [] : [`no stack runs on ${name}: ${lack}`];
  });
  return {
    address,
    interface: interfaceOf(text("interfaces"), address),
    machine: text("machine") || "unknown",
    npus,
    names,
    generation: only === "A2" ? "a2" : only === "A3" ? "a3" : undefined,
    deviceIps: new Map(
      ips.flatMap(([npu, ip]) => ("value" in ip && ip.value !== undefined ? [[npu, ip.value] as const] : [])),
    ),
    notes: [
      ...(npus.length === 0 ? ["no /dev/davinciN: the driver is not loaded, or there is no NPU"] : []),
      ...("value" in info ? [] : npus.length === 0 ? [] : [`npu-smi info: ${info.unreadable}`]),
      ...lacks,
      ...ill.map(({ id, npu, health }) => `NPU ${id ?? npu} is not well: ${health}`),
      ...("value" in said("docker") && /^[\d.]+/.test(text("docker"))
        ? []
        : [`no Docker Engine answers there: ${reason(said("docker"))}`]),
    ],
  };
}

/** The driver and Docker, in a line, of what is there. */
export function versionsOf(output: string): string {
  const sections = readSections(output);
  const driver = /^Version=(\S+)/m.exec(textOf(sections.get("version.info")))?.[1];
  const docker = /^[\d.]+\S*/.exec(textOf(sections.get("docker")).trim())?.[0];
  return [
    ...(driver === undefined ? [] : [`driver ${driver}`]),
    ...(docker === undefined ? [] : [`Docker ${docker}`]),
  ].join(", ");
}

const textOf = (reading: Reading<string> | undefined): string =>
  reading !== undefined && "value" in reading ? reading.value : "";

const reason = (reading: Reading<string>): string =>
  "value" in reading ? (linesOf(reading.value.trim()).at(-1) ?? "").slice(0, 200) : reading.unreadable;

const valued = <T>(reading: Reading<string>, read: (text: string) => Reading<T>): Reading<T> =>
  "value" in reading ? read(reading.value) : reading;

/** Of lines such as `2: bond0    inet 10.0.0.18/24 brd … scope global bond0`. */
function interfaceOf(interfaces: string, address: string | undefined): string | undefined {
  for (const line of linesOf(interfaces)) {
    const [, name, own] = /^\d+: (\S+)\s+inet6? (\S+?)\//.exec(line) ?? [];
    if (own !== undefined && canonical(own) === address) return name?.split("@")[0];
  }
  return undefined;
}
