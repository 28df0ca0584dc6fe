import { isIpv6, isLoopback } from "../../rank-tables/addresses.ts";
import { oncePerPlace, type SetVariable, setVariables } from "./effective-env.ts";
import type { Rule } from "./rule.ts";

export const interfaceOfItsHost: Rule = {
  code: "PD139",
  severity: "error",
  title:
    "a variable with a network interface (`HCCL_SOCKET_IFNAME`) names one that carries the host's address",
  why: "The engine listens on that interface alone, while others connect to the host's address: they wait for each other until their time-out.",
  source: "CANN, `HCCL_SOCKET_IFNAME`; PyTorch, `GLOO_SOCKET_IFNAME`, `TP_SOCKET_IFNAME`",
  waivable: true,
  check: (topology) =>
    oncePerPlace(
      setVariables(topology)
        .filter(({ name }) => /_SOCKET_IFNAME$/.test(name))
        .flatMap((variable) => {
          const { path, host, instance } = variable;
          const wrong = fault(variable);
          if (wrong === undefined) return [];
          const fix = `put in the one that \`ip -br addr\` on ${host.name} shows beside ${host.address}`;
          return [{ path, message: `${wrong}, where ${instance.path} runs`, fix }];
        }),
    ),
};

function fault({ name, value, host }: SetVariable): string | undefined {
  if (/^\d+(\.\d+){3}$/.test(value) || isIpv6(value))
    return `${value} is an address, and ${name} takes a name on ${host.name}`;
  if (host.interface !== undefined && !selects(value, host.interface)) {
    return `${value} is not ${host.interface}, which carries ${host.address} on ${host.name}`;
  }
  if (/^=?lo$/.test(value) && !isLoopback(host.address)) {
    return `${value} does not carry ${host.address} on ${host.name}`;
  }
  return undefined;
}

/** `eth` (all that begin so), `=eth0,eth1` (these) or `^docker,lo` (all others), as HCCL reads it. */
function selects(value: string, name: string): boolean {
  const names = value.replace(/^[=^]/, "").split(",");
  if (value.startsWith("=")) return names.includes(name);
  return names.some((one) => name.startsWith(one)) !== value.startsWith("^");
}
