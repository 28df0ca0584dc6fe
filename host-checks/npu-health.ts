import { type HostFacts, readCodes, readSections } from "./facts.ts";
import { mayBeListed, npuInfoOf, type Said } from "./npu-readings.ts";
import { readLink, readOptical, readStat } from "./tools/hccn-tool.ts";
import { healthOf } from "./tools/npu-smi-info.ts";
import type { Reading } from "./tools/reading.ts";

/** What is not well with an NPU. */
export interface Ailment {
  /** `health`, `link`, … */
  readonly what: string;
  readonly well: string;
  readonly there: string;
  /** Else it is worth a word, or could not be seen. */
  readonly isFault: boolean;
}

const fault = (what: string, well: string, there: string): Ailment => ({ what, well, there, isFault: true });
const note = (what: string, there: string): Ailment => ({ what, well: "", there, isFault: false });

export type NpuAnswers = Pick<HostFacts, "said" | "code">;

/** What an `npuScript` printed, for `npuAilments` and the list of NPUs; `failure` is why it stopped. */
export function npuAnswers(output: string, failure?: string): NpuAnswers {
  const sections = readSections(output);
  const codes = readCodes(output);
  return {
    code: (section) => codes.get(section),
    said: (section) =>
      sections.get(section) ?? { unreadable: failure ?? `its answer says nothing of ${section}` },
  };
}

/** How an NPU is by npu-smi and hccn_tool. `isAlone`: no traffic leaves the host, so that its port needs no link. */
export function npuAilments(host: NpuAnswers, id: number, isAlone: boolean): Ailment[] {
  const network = [...linkAilments(host, id), ...opticalAilments(host, id), ...counterAilments(host, id)];
  return [...healthAilments(host, id), ...network.map((one) => (isAlone ? { ...one, isFault: false } : one))];
}

function healthAilments(host: NpuAnswers, id: number): Ailment[] {
  const info = npuInfoOf(host);
  if ("unreadable" in info) {
    const [user, said] = [host.said("user"), host.said("npu-smi info")];
    const isRoot = "value" in user && user.value.trim() === "0";
    const isTable = "value" in said && /^\s*\|/m.test(said.value);
    if (isRoot && !isTable && host.code("npu-smi info") !== undefined)
      return [fault("npu-smi", "works", `it fails as a whole: ${info.unreadable}`)];
    return [note("health", `not seen: ${info.unreadable}`)];
  }
  const device = info.value.devices.find((one) => one.id === id);
  if (device === undefined) {
    const doubt = mayBeListed(info.value);
    return [
      doubt === undefined
        ? fault("health", "OK", "npu-smi lists it no more")
        : note("health", `not seen: ${doubt}`),
    ];
  }
  const { health } = device;
  switch (healthOf(device)) {
    case "ok":
      return [];
    case "fault":
      return [fault("health", "OK", health)];
    default:
      return [note("health", health)];
  }
}

const asked = <T>(host: Said, section: string, read: (output: string) => Reading<T>): Reading<T> => {
  const tool = host.said("hccn_tool");
  if ("value" in tool && tool.value.trim() === "") return { unreadable: "there is no hccn_tool" };
  const said = host.said(section);
  return "value" in said ? read(said.value) : said;
};

function linkAilments(host: Said, id: number): Ailment[] {
  const link = asked(host, `hccn ${id} link`, readLink);
  if ("unreadable" in link) return [note("link", `not seen: ${link.unreadable}`)];
  return link.value === "UP" ? [] : [fault("link", "UP", "DOWN")];
}

function opticalAilments(host: Said, id: number): Ailment[] {
  const optical = asked(host, `hccn ${id} optical`, readOptical);
  // Copper has none; that the port cannot be seen the link has said.
  if ("unreadable" in optical) return [];
  return optical.value.map((one) => fault("optics", "within their limits", one));
}

/** Counters of packets that were lost, broken or sent anew. */
const errors =
  /(_bad_pkt|_fcs_err_pkt|_err_pkt|_verification_err|_qp_status_err|_new_pkt_rty|_unexpected_ack|_out_of_order)_num$/;
const packets = /^(mac_[rt]x_total_pkt_num|roce_[rt]x_all_pkt_num)$/;
/** One packet in so many may be lost. */
const tolerated = 10_000;

/** Errors that grow while it is looked; those of former days are a note. */
function counterAilments(host: Said, id: number): Ailment[] {
  const first = asked(host, `hccn ${id} stat`, readStat);
  const second = asked(host, `hccn ${id} stat again`, readStat);
  if ("unreadable" in first) return [note("counters", `not seen: ${first.unreadable}`)];
  const grown = (name: string) =>
    "value" in second ? (second.value.get(name) ?? 0) - (first.value.get(name) ?? 0) : 0;
  const traffic = [...first.value.keys()]
    .filter((name) => packets.test(name))
    .reduce((sum, name) => sum + grown(name), 0);
  const counted = [...("value" in second ? second : first).value].filter(
    ([name, value]) => errors.test(name) && value > 0,
  );
  const growing = counted.filter(([name]) => grown(name) > 0 && grown(name) * tolerated >= traffic);
  const old = counted.filter((one) => !growing.includes(one));
  return [
    ...growing.map(([name, value]) =>
      fault(name, "does not grow", `${value}, ${grown(name)} more within seconds`),
    ),
    ...(old.length === 0
      ? []
      : [note("counters", `${old.map((one) => one.join(" ")).join(", ")} since its driver was loaded`)]),
  ];
}
