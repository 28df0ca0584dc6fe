import { canonical, isIpv4, isIpv6, isLoopback } from "../rank-tables/addresses.ts";
import { failed, type HostCheck, ok, seeing } from "./check.ts";
import { through } from "./facts.ts";
import { linesOf, type Reading, unreadable } from "./tools/reading.ts";

export const addressHere: HostCheck = {
  code: "HC601",
  severity: "error",
  title: "the host's address is one of its interfaces'",
  why: "Rank tables name it, and HCCL looks for it among the interfaces; an address that is only translated to is not found.",
  source: "HCCL documentation, rank table loading failures: address of the network adapter",
  check: (host) => {
    const address = host.wanted.address === "localhost" ? "127.0.0.1" : host.wanted.address;
    return seeing(through(host.said("addresses"), readAddresses), (addresses) => {
      if (addresses.includes(address)) return ok(address);
      const others = addresses.filter((one) => !isLoopback(one)).join(", ") || "none but loopback";
      const fix = `put the one that the other hosts reach into hosts.${host.wanted.name}.address`;
      return failed(`${address} is none of its addresses: ${others}`, fix);
    });
  },
};

function readAddresses(output: string): Reading<readonly string[]> {
  const lines = linesOf(output).map((line) =>
    line.replace(/^[\da-f]{32}$/, (digits) => canonical(inGroups(digits))),
  );
  const addresses = [...new Set(lines.filter((line) => isIpv4(line) || isIpv6(line)))];
  return addresses.length > 0 ? { value: addresses } : unreadable(output);
}

/** As the kernel lists an IPv6 address: 32 digits. */
const inGroups = (digits: string): string => digits.replace(/(.{4})(?!$)/g, "$1:");
