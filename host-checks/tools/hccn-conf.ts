import { isIpv4 } from "../../rank-tables/addresses.ts";
import { linesOf, type Reading } from "./reading.ts";

/**
 * The addresses in `/etc/hccn.conf`, by physical NPU id: what the driver sets at boot, which may be absent and may
 * have been changed since. Lines of one NPU need not stand together.
 */
export function readHccnConf(text: string): ReadonlyMap<number, Reading<string>> {
  const found = new Map<number, Reading<string>>();
  for (const line of linesOf(text)) {
    const [, id, address] = /^\s*address_(\d+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (id === undefined || address === undefined) continue;
    found.set(Number(id), reading(address, found.get(Number(id))));
  }
  return found;
}

function reading(address: string, earlier: Reading<string> | undefined): Reading<string> {
  if (!isIpv4(address)) return { unreadable: `it has "${address.slice(0, 60)}"` };
  if (earlier === undefined || ("value" in earlier && earlier.value === address)) return { value: address };
  return { unreadable: "it has several different addresses" };
}
