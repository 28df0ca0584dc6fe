import type { Discovered } from "../../host-checks/discovery.ts";
import { visible } from "../../problems/text.ts";
import { isIpv6 } from "../../rank-tables/addresses.ts";
import { UserError } from "../user-error.ts";
import { schemaLine } from "./project.ts";

/** A host, and how it is reached. */
export interface InitHost {
  readonly name: string;
  readonly docker: string;
  readonly hostKey: string;
  /** Driver and Docker. */
  readonly versions: string;
  readonly seen: Discovered;
}

interface Placed {
  readonly host: string;
  readonly devices: readonly number[];
}

/**
 * Prefill on the first half, decode on the second: of the NPUs of one host, of several hosts. Each instance has as many,
 * a power of two, as tensor parallelism wants it. Throws UserError where there are too few.
 */
export function layOut(hosts: readonly InitHost[]): { prefill: Placed[]; decode: Placed[] } {
  const useful = hosts.filter(({ seen }) => seen.npus.length > 0);
  const [first, ...others] = useful;
  const fewest = Math.min(...useful.map(({ seen }) => seen.npus.length));
  const share = first === undefined ? 0 : others.length === 0 ? Math.floor(fewest / 2) : fewest;
  if (first === undefined || share < 1) {
    throw new UserError(
      "these hosts have too few NPUs for a prefill and a decode instance\n" +
        "fix: load the driver (`npu-smi info` on the host), or name more hosts",
    );
  }
  const size = 2 ** Math.floor(Math.log2(share));
  const place = ({ name, seen }: InitHost, from: number): Placed => ({
    host: name,
    devices: seen.npus.slice(from, from + size),
  });
  if (others.length === 0) return { prefill: [place(first, 0)], decode: [place(first, size)] };
  const half = Math.floor(useful.length / 2);
  return {
    prefill: useful.slice(0, half).map((host) => place(host, 0)),
    decode: useful.slice(half).map((host) => place(host, 0)),
  };
}

/** A stack file that plans, with what was seen as comments, and what nobody could see marked as `TODO`. */
export function stackFileText(hosts: readonly InitHost[], command: string): string {
  const { prefill, decode } = layOut(hosts);
  const isA3 = hosts.some(({ seen }) => seen.generation === "a3");
  const instances = (placed: readonly Placed[], port: number) =>
    placed.map(
      ({ host, devices }) => `      - { host: ${host}, devices: [${devices.join(", ")}], port: ${port} }`,
    );
  const lines = [
    schemaLine,
    `# Written by \`${visible(command)}\`, by what the hosts said of themselves.`,
    "# TODO marks what they could not say: image, weights, and how long requests are.",
    "config:",
    "  ascend-pd:deployment:",
    "    engine:",
    "      # For the manual's AscendCloud image: kind ascendcloud, its image, and each host's deviceIps in place of interface.",
    "      kind: vllm-ascend",
    `      image: quay.io/ascend/vllm-ascend:v0.23.0${isA3 ? "-a3" : ""} # TODO: the version that you have tested`,
    "      workDir: { source: /data/models, target: /data/models } # TODO: the folder with the weights, on every host",
    "    model:",
    "      path: /data/models/MODEL # TODO: its folder in there",
    "      servedName: MODEL # TODO: what clients call it",
    "      maxModelLen: 8192 # TODO: the longest request, prompt and answer together",
    "      maxNumSeqs: 64",
    "      maxNumBatchedTokens: 8192",
    "    hosts:",
    ...hosts.flatMap(hostLines),
    "    prefill:",
    ...instances(prefill, 8088),
    "    decode:",
    ...instances(decode, 8089),
    `    scheduler: { host: ${prefill[0]?.host}, port: 9000 }`,
  ];
  return `${lines.join("\n")}\n`;
}

function hostLines({ name, docker, hostKey, versions, seen }: InitHost): string[] {
  const { npus, names, machine, deviceIps, notes } = seen;
  const npu =
    npus.length === 0 ? "no NPU" : `NPUs ${npus.join(", ")} (${names.join(", ") || "of unknown name"})`;
  const ips = [...deviceIps].map(([id, ip]) => `${id}: ${ip}`).join(", ");
  // Text of a host stays in its line.
  const comments = [
    [npu, machine, versions].filter(Boolean).join("; "),
    ...(ips === "" ? [] : [`deviceIps: { ${ips} }`]),
    ...notes.map((note) => `TODO: ${note}`),
    ...(seen.interface === undefined
      ? ["TODO: interface: the one that `ip -br addr` shows with this address"]
      : []),
  ];
  return [
    `      ${name}:`,
    ...comments.map((comment) => `        # ${visible(comment)}`),
    `        address: ${seen.address}`,
    ...(seen.interface === undefined ? [] : [`        interface: ${JSON.stringify(seen.interface)}`]),
    `        docker: ${docker}`,
    `        hostKey: ${hostKey}`,
    `        npus: ${npus.length === 0 ? 0 : Math.max(...npus) + 1}`,
    ...(seen.generation === undefined ? [] : [`        generation: ${seen.generation}`]),
  ];
}

/** A name for a host, of what it was called on the command line; each has another. */
export function hostNames(targets: readonly string[]): string[] {
  const taken = new Set<string>();
  return targets.map((target) => {
    const written = target.replace(/^(ssh:\/\/)?([^@]*@)?/, "");
    const host = isIpv6(written) ? written : written.replace(/:\d+$/, "");
    const short = /^[\d.]+$|:/.test(host) ? `host-${host}` : (host.split(".")[0] ?? "");
    const base =
      short
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .replaceAll(/^-+|-+$/g, "")
        .slice(0, 50) || "host";
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
    taken.add(name);
    return name;
  });
}
