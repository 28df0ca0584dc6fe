import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { FixableError } from "../../problems/fixable-error.ts";
import { rootEnv, run } from "../../system/programs.ts";
import { inNamespace, makeNamespace } from "./namespace.ts";

/** Of one host; without IPv6 where the machine has none. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string | undefined;
}

/** A kernel without IPv6 has no list of its addresses. */
const hasIpv6 = (): boolean => existsSync("/proc/net/if_inet6");

/**
 * Puts the namespaces into one network with this machine and gives each its addresses. The bridge between them stands in
 * a namespace of its own (`switch`, in `folder`), out of reach of this machine's firewall; all that the machine itself
 * gets is one interface, which goes away with that namespace.
 */
export async function connect(folder: string, namespaces: readonly string[]): Promise<Addresses[]> {
  const bridge = join(folder, "switch");
  await makeNamespace(bridge);
  const number = await uplink(bridge);
  await ip(bridge, ["link add br0 type bridge", "link set br0 up", "link set up0 master br0 up"]);
  return Promise.all(
    namespaces.map(async (namespace, index) => {
      const ipv4 = `10.213.${number}.${11 + index}`;
      const ipv6 = hasIpv6() ? `${ipv6Prefix(number)}${(11 + index).toString(16)}` : undefined;
      await inNamespace(bridge, [
        ...["ip", "link", "add", `port${index}`, "master", "br0", "type", "veth"],
        ...["peer", "name", "eth0", "netns", namespace],
      ]);
      await ip(bridge, [`link set port${index} up`]);
      await ip(namespace, [
        ...[`address add ${ipv4}/24 dev eth0`, "link set eth0 up", "link set lo up"],
        // Nobody else can have it, so it need not be asked for.
        ...(ipv6 === undefined ? [] : [`address add ${ipv6}/64 dev eth0 nodad`]),
      ]);
      return { ipv4, ipv6 };
    }),
  );
}

/** Of the addresses that RFC 4193 keeps for networks of one's own, as 10.213.0.0/16 is; never 0, which is written shorter. */
const ipv6Prefix = (number: number): string => `fd0a:d5:${(number + 1).toString(16)}::`;

/** Connects this machine to the bridge; gives the third number of a /24 that it did not know before. */
async function uplink(bridge: string): Promise<number> {
  const env = rootEnv();
  for (const number of freeNumbers()) {
    const name = `ascend-pd${number}`;
    const link = ["link", "add", name, "type", "veth", "peer", "name", "up0", "netns", bridge];
    // Of two runs that choose the same number, one cannot have the name.
    const taken = await run("ip", link, { env }).then(
      () => false,
      (error: Error) => {
        if (!error.message.includes("File exists")) throw error;
        return true;
      },
    );
    if (taken) continue;
    await run("ip", ["address", "add", `10.213.${number}.1/24`, "dev", name], { env });
    await run("ip", ["link", "set", name, "up"], { env });
    if (hasIpv6()) {
      const address = `${ipv6Prefix(number)}1/64`;
      await run("ip", ["address", "add", address, "dev", name, "nodad"], { env });
    }
    return number;
  }
  throw new FixableError("all networks of 10.213.0.0/16 are in use", "remove interfaces named ascend-pd…");
}

function freeNumbers(): number[] {
  const addresses = Object.values(networkInterfaces()).flatMap(
    (all) => all?.map(({ address }) => address) ?? [],
  );
  const all = Array.from({ length: 256 }, (_, number) => number);
  return all.filter((number) => !addresses.some((address) => address.startsWith(`10.213.${number}.`)));
}

async function ip(namespace: string, commands: readonly string[]): Promise<void> {
  await inNamespace(namespace, ["ip", "-batch", "-"], commands.map((command) => `${command}\n`).join(""));
}
