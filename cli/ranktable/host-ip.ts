import type { NetworkInterfaceInfo } from "node:os";
import { isIpv4, isUnicast } from "../../rank-tables/addresses.ts";
import { UserError } from "../user-error.ts";

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

export interface HostIp {
  readonly ip: string;
  readonly warnings: readonly string[];
}

/** Bridges and pairs that container engines make: their addresses lead nowhere from other hosts. */
const ofContainers = /^(docker|br-|veth|virbr|cni|flannel|cali|tunl|podman)/;

/**
 * The address that other hosts reach this one by: `given`, or the only one there is. Not the host's name looked up:
 * that is often 127.0.1.1 or another network's, and shows when the first KV cache is sent.
 */
export function hostIp(given: string | undefined, interfaces: Interfaces): HostIp {
  const all = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos.filter(({ family }) => family === "IPv4").map(({ address }) => ({ name, address })),
  );
  const candidates = all.filter(({ name, address }) => isUnicast(address) && !ofContainers.test(name));
  const choices = candidates.map(({ name, address }) => `  --host-ip ${address}   (${name})`).join("\n");
  if (given !== undefined) return { ip: given, warnings: problemsOf(given, all, choices) };
  const [only] = candidates;
  if (only === undefined) {
    throw new UserError(
      "this host has no IPv4 address that others could reach\nfix: give it one, or say which: --host-ip ADDRESS",
    );
  }
  if (candidates.length > 1) {
    throw new UserError(
      `this host has several addresses\nfix: say by which one the others reach it:\n${choices}`,
    );
  }
  return { ip: only.address, warnings: [] };
}

function problemsOf(given: string, all: readonly { readonly address: string }[], choices: string): string[] {
  const fix = `fix: give this host's address in the network that all hosts share${choices && `, e.g.\n${choices}`}`;
  if (!isIpv4(given)) throw new UserError(`--host-ip ${given} is not an IPv4 address\n${fix}`);
  if (!isUnicast(given))
    throw new UserError(`--host-ip ${given} does not lead here from other hosts\n${fix}`);
  if (all.some(({ address }) => address === given)) return [];
  return [`--host-ip ${given} is on no interface of this host; right only if a router translates it`];
}
