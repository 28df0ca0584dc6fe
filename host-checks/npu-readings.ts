import { type HostFacts, through } from "./facts.ts";
import { generationOf } from "./tools/generations.ts";
import { readDeviceIp, readLink, readNetHealth, readTls } from "./tools/hccn-tool.ts";
import { type NpuDevice, type NpuInfo, type NpuProcess, readNpuInfo } from "./tools/npu-smi-info.ts";
import { quoted, type Reading } from "./tools/reading.ts";

/** What the sections of a script of ours printed. */
export type Said = Pick<HostFacts, "said">;

/** The table of npu-smi. */
export const npuInfoOf = ({ said }: Said): Reading<NpuInfo> =>
  through(said("npu-smi"), (path) =>
    path.trim() === "" ? { unreadable: "there is no npu-smi" } : through(said("npu-smi info"), readNpuInfo),
  );

/** Whether an NPU that is not among those that were read may be in the table all the same, and why. */
export function mayBeListed({ oddDevices: [odd], devices, isWhole }: NpuInfo): string | undefined {
  if (odd !== undefined) return `a row of npu-smi's is not understood: ${quoted(odd).unreadable}`;
  if (!isWhole) return "npu-smi's table was cut off";
  if (devices.some(({ id }) => id === undefined)) return "npu-smi does not tell the number of every NPU";
  return undefined;
}

/** What npu-smi says of an NPU of the stack. */
export const npuOf = (host: Said, id: number): Reading<NpuDevice> =>
  through(npuInfoOf(host), (info) => {
    const device = info.devices.find((one) => one.id === id);
    return device === undefined
      ? { unreadable: mayBeListed(info) ?? `npu-smi lists no NPU ${id}` }
      : { value: device };
  });

/** Processes that npu-smi lists on an NPU. Of a card that it does not speak of nothing is known. */
export const processesOf = (host: HostFacts, id: number): Reading<readonly NpuProcess[]> =>
  through(npuOf(host, id), ({ npu, chip }) =>
    through(npuInfoOf(host), ({ processes, idle, oddProcesses }): Reading<readonly NpuProcess[]> => {
      if (processes === undefined) return { unreadable: "this release of npu-smi lists no processes" };
      const ofCard = processes.filter((one) => one.npu === npu);
      const here = ofCard.filter((one) => one.chip === undefined || one.chip === chip);
      const doubt = oddProcesses.find((one) => one.npu === npu || one.npu === undefined);
      if (here.length === 0 && idle.includes(npu) && doubt?.npu === undefined) return { value: [] };
      if (doubt !== undefined)
        return { unreadable: `a row of its processes is not understood: ${quoted(doubt.row).unreadable}` };
      if (ofCard.length > 0) return { value: here };
      return { unreadable: `npu-smi does not say whether a process runs on NPU ${id}` };
    }),
  );

/** What the first NPU of a host is that says what it is. */
export function generationHere(host: HostFacts) {
  const info = npuInfoOf(host);
  const devices = "value" in info ? info.value.devices : [];
  return devices.map(({ name }) => generationOf(name)).find((one) => one !== undefined);
}

const hccnReaders = { ip: readDeviceIp, link: readLink, net_health: readNetHealth, tls: readTls };
type Value<R> = R extends (output: string) => Reading<infer T> ? T : never;

/** What the script asks `hccn_tool -i N -<option> -g` of an NPU, and what came. */
export type HccnOption = keyof typeof hccnReaders;
export const hccnOptions = Object.keys(hccnReaders) as readonly HccnOption[];

export function hccn<O extends HccnOption>(host: HostFacts, id: number, option: O) {
  const tool = host.said("hccn_tool");
  const read: (output: string) => Reading<unknown> = hccnReaders[option];
  const reading =
    "value" in tool && tool.value.trim() === ""
      ? { unreadable: "there is no hccn_tool" }
      : through(host.said(`hccn ${id} ${option}`), read);
  return reading as Reading<Value<(typeof hccnReaders)[O]>>;
}

export const hccnAnswers = (host: HostFacts, id: number) =>
  hccnOptions.map((option) => ({ section: `hccn ${id} ${option}`, reading: hccn(host, id, option) }));
