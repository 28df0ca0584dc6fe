import { type Container, type Image, readContainer } from "../../docker/answers.ts";
import { sampleAnswer } from "../../docker/testing/sample-answer.ts";
import { plan } from "../../planning/make-plan.ts";
import { put, sampleInput } from "../../planning/testing/sample-input.ts";
import type { Engine, HostReport, Kind } from "../facts.ts";
import { askedFiles } from "../script.ts";
import { type WantedHost, wantedHosts } from "../wanted.ts";
import { a2Info, board } from "./sample-outputs.ts";

/** What differs from a report of a host on which all is well. */
export interface ReportChanges {
  /** What sections say; undefined takes one out. */
  readonly said?: Readonly<Record<string, string | undefined>>;
  /** The codes that sections end with, 0 where none is given. */
  readonly codes?: Readonly<Record<string, number>>;
  /** What stands at paths. */
  readonly kinds?: Readonly<Record<string, Kind>>;
  /** By the place in the engine's report: `version.Version`. */
  readonly engine?: Readonly<Record<string, unknown>>;
  /** In place of the script's answer, or of the engine's. */
  readonly noAnswer?: string;
  readonly noEngine?: string;
}

/** The two hosts of the sample stack, or of `input`. */
export function sampleHosts(input: object = sampleInput()): readonly WantedHost[] {
  const planned = plan("2p2d", input);
  if ("problems" in planned) throw new Error("the sample breaks a rule");
  return wantedHosts(planned);
}

/** The report of a host on which all is well, but for `changes`. */
export function sampleReport(wanted: WantedHost, changes: ReportChanges = {}): HostReport {
  const { said, codes = {}, kinds, engine, noAnswer, noEngine } = changes;
  const sections = {
    ...healthySections(wanted),
    nodes: kindLines(wanted.nodes, wanted, kinds),
    files: kindLines(askedFiles(wanted), wanted, kinds),
    ...said,
  };
  const output = Object.entries(sections).map(([name, text]) =>
    text === undefined ? "" : section(name, text, codes[name]),
  );
  const time = { sent: now - 0.1, answered: now + 0.1 };
  return {
    ...time,
    ...(noAnswer === undefined ? { output: output.join("") } : { output: "", failure: noAnswer }),
    engine: noEngine === undefined ? { value: healthyEngine(wanted, engine) } : { unreadable: noEngine },
  };
}

/** A section as `hostScript` prints it. */
export const section = (name: string, text: string, code = 0): string =>
  `@${name}\n${[...text.trimEnd().split("\n"), `=${code}`].map((line) => ` ${line}\n`).join("")}`;

const now = 1_790_000_000;

function kindLines(
  paths: readonly string[],
  wanted: WantedHost,
  changes: ReportChanges["kinds"] = {},
): string {
  const natural = (path: string): Kind => {
    if (wanted.nodes.includes(path)) return "device";
    const isFile =
      /config\.json$/.test(path) || wanted.mounts.some((one) => one.source === path && one.kind === "file");
    return isFile ? "file" : "folder";
  };
  return paths.map((path) => changes[path] ?? natural(path)).join("\n");
}

function healthySections({ npus, address }: WantedHost): Record<string, string> {
  const hccn = npus.flatMap(({ id, deviceIp }) => [
    [`hccn ${id} ip`, `ipaddr:${deviceIp}\nnetmask:255.255.255.0`],
    [`hccn ${id} link`, "link status: UP"],
    [`hccn ${id} net_health`, "net health status: Success"],
    [`hccn ${id} tls`, `dev_id:${id}, tls switch[0](0:disable, 1:enable), tls alarm time threshold[60]days`],
  ]);
  return {
    clock: `${now}`,
    user: "0",
    machine: "aarch64",
    "npu-smi": "/usr/local/sbin/npu-smi",
    hccn_tool: "/usr/local/Ascend/driver/tools/hccn_tool",
    "npu-smi info": npuInfo(npus.map(({ id }) => ({ id }))),
    owners: "",
    board,
    "version.info": "Version=23.0.5",
    "hccn.conf": npus.map(({ id, deviceIp }) => `address_${id}=${deviceIp}`).join("\n"),
    ...Object.fromEntries(hccn),
    tcp: "00000000:0016\n00000000000000000000000000000000:0016",
    listeners: "",
    addresses: `127.0.0.1\n${address}`,
    outgoing: "32768\t60999",
    reserved: "60000-60031",
    sshd: "maxstartups 10:30:100\nmaxsessions 10",
    folders:
      "drwxr-xr-x 3 0 0 4096 Nov 20 10:00 /data/models\ndrwxr-xr-x 2 0 0 4096 Nov 20 10:00 /data/models/qwen2.5-7b",
    weights:
      "total 8\n-rw-r--r-- 1 0 0 663 Nov 20 10:00 config.json\n-rw-r--r-- 1 0 0 3945426872 Nov 20 10:00 model-00001.safetensors",
    df: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda2 209715200 104857600 104857600 50% /",
  };
}

function healthyEngine(wanted: WantedHost, changes: ReportChanges["engine"] = {}): Engine {
  const images = wanted.images.map((name) => [name, imageFor("arm64")] as const);
  const report = {
    version: { Version: "28.2.2", ApiVersion: "1.50", Arch: "arm64", Components: [] },
    info: { DockerRootDir: "/var/lib/docker", SecurityOptions: ["name=seccomp,profile=builtin"] },
    listed: [],
    alive: [],
    images: new Map(images),
  };
  for (const [path, value] of Object.entries(changes)) put(report, path, value);
  return report;
}

/** An image for an architecture. */
export const imageFor = (Architecture: string): Image => ({
  Id: "sha256:1",
  Architecture,
  Config: undefined,
});

/** A running container, as `docker inspect` shows it. */
export function sampleContainer(name: string, changes: Readonly<Record<string, unknown>> = {}): Container {
  const container = sampleAnswer(name);
  for (const [path, value] of Object.entries(changes)) put(container, path, value);
  return readContainer(JSON.stringify(container));
}

interface NpuRow {
  readonly id: number;
  readonly name?: string;
  readonly health?: string;
  readonly usedMb?: number;
  /** Number and name of the process that uses it. */
  readonly process?: readonly [pid: number, name: string];
}

const rule =
  "+===========================+===============+====================================================+\n";

/** What `npu-smi info` prints of an A2 host, row by row as a recorded one. */
export function npuInfo(npus: readonly NpuRow[]): string {
  const head = a2Info.slice(0, a2Info.indexOf(rule));
  const [processHead = ""] = /^\| NPU {5}Chip.*\n/m.exec(a2Info) ?? [];
  const devices = npus.map(
    ({ id, name = "910B3", health = "OK", usedMb = 3402 }) =>
      `| ${id}     ${name}               | ${health} | 97.1        43                0    / 0             |\n` +
      `| 0                         | 0000:01:00.0  | 0           0    / 0          ${usedMb} / 65536         |\n`,
  );
  const processes = npus.map(({ id, process }) =>
    process === undefined
      ? `| No running processes found in NPU ${id} |\n`
      : `| ${id}       0                 | ${process[0]} | ${process[1]} | 56630                   |\n`,
  );
  return [head, ...devices, processHead, ...processes].join(rule);
}
