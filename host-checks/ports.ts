import { isOf } from "../planning/container/settings.ts";
import { includes, type PortRange, portsIn } from "../planning/engines/port-range.ts";
import { failed, type HostCheck, ok, on, seeing, together, type Verdict } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { type Listener, readListeners } from "./listeners.ts";
import { linesOf, type Reading, unreadable } from "./tools/reading.ts";
import type { WantedPorts } from "./wanted.ts";

export const portsFree: HostCheck = {
  code: "HC602",
  severity: "error",
  title: "the stack's ports are free, or held by its own containers",
  why: "On the host's network Docker does not see the conflict: the container starts, and its server ends.",
  source: "the manual, constraints: ports of instances; HCCL, HCCL_IF_BASE_PORT",
  check: (host) =>
    seeing(through(host.said("tcp"), readPorts), (listening) =>
      seeing(host.engine, ({ alive }) => {
        const ours = alive.filter((one) => isOf(host.wanted.stack, one.Config.Labels));
        const holders = holdersOf(host);
        const declared = new Set(ours.flatMap(({ Config }) => portsOf(Config.Cmd)));
        const isOwn = (port: number) => {
          const holder = holders.find((one) => one.port === port);
          return holder === undefined ? declared.has(port) : ours.some(({ Id }) => Id === holder.container);
        };
        return together(
          host.wanted.ports
            .filter(({ isEngines }) => !isEngines || ours.length === 0)
            .map((range) =>
              portFree(
                host,
                range,
                listening.filter((port) => !isOwn(port)),
              ),
            ),
          host.wanted.ports
            .map(({ first, last }) => (first === last ? first : `${first} to ${last}`))
            .join(", "),
        );
      }),
    ),
};

function portFree(host: HostFacts, range: WantedPorts, taken: readonly number[]): Verdict {
  const port = taken.find((one) => includes(range, one));
  if (port === undefined) return ok(`${range.first}`);
  const holder = holdersOf(host).find((one) => one.port === port);
  const seen = `port ${port}, for ${range.owner}, is held by`;
  if (holder !== undefined) {
    const fix = `stop that ${on(host)}, or give another port in the stack file`;
    return failed(`${seen} process ${holder.pid} (${holder.program})`, fix);
  }
  const fix = `\`ss -ltnp 'sport = :${port}'\` ${on(host)} as root names it; stop it, or give another port in the stack file`;
  return failed(`${seen} another program`, fix);
}

/** Who listens, as far as the user of that connection may know. */
function holdersOf({ said }: HostFacts): Listener[] {
  const holders = said("listeners");
  return "value" in holders ? readListeners(holders.value) : [];
}

/** Ports at which somebody listens: `0100007F:1F90` in the kernel's table. */
function readPorts(output: string): Reading<readonly number[]> {
  // A kernel without IPv6 has no table of it.
  const lines = linesOf(output).filter((line) => line !== "" && !line.includes("/proc/net/tcp6"));
  const ports = lines.map((line) => /^[0-9A-F]{8,32}:([0-9A-F]{4})$/.exec(line)?.[1]);
  const isWhole = ports.every((port) => port !== undefined);
  return isWhole ? { value: ports.map((port) => Number.parseInt(port ?? "", 16)) } : unreadable(output);
}

/** Ports that a command line of ours names. */
function portsOf(command: readonly string[]): number[] {
  return command.flatMap((argument, index) => {
    const [flag = "", value = command[index + 1]] = argument.split("=");
    return /^--((admin|metrics)[-_])?port$/.test(flag) ? [Number(value)] : [];
  });
}

export const portsKept: HostCheck = {
  code: "HC603",
  severity: "warning",
  title: "no outgoing connection of the host can take one of the stack's ports",
  why: "Linux gives the ports of ip_local_port_range to outgoing connections, HCCL's usual ones among them, unless they are reserved.",
  source: "HCCL documentation, HCCL_IF_BASE_PORT: reserve the ports with net.ipv4.ip_local_reserved_ports",
  check: (host) =>
    seeing(through(host.said("outgoing"), readRange), (outgoing) =>
      seeing(through(host.said("reserved"), readReserved), (reserved) => {
        const free = host.wanted.ports.filter(({ first, last }) => {
          return portsIn({ first, last }).some(
            (port) => includes(outgoing, port) && !reserved.some((range) => includes(range, port)),
          );
        });
        const range = `${outgoing.first} to ${outgoing.last}`;
        if (free.length === 0) return ok(`outgoing ${range}`);
        const names = free.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
        const kept = reserved.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
        const all = [...kept, ...names].join(",");
        const fix = `\`sysctl -w net.ipv4.ip_local_reserved_ports=${all}\` ${on(host)}, and the same in /etc/sysctl.d`;
        return failed(`${names.join(", ")} lies in ${range} and is not reserved`, fix);
      }),
    ),
};

function readRange(output: string): Reading<PortRange> {
  const [, first, last] = /^\s*(\d{1,5})\s+(\d{1,5})\s*$/.exec(output) ?? [];
  return first === undefined ? unreadable(output) : { value: { first: Number(first), last: Number(last) } };
}

function readReserved(output: string): Reading<readonly PortRange[]> {
  const ranges = output.trim() === "" ? [] : output.trim().split(",");
  const read = ranges.map((range) => /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range));
  if (read.some((match) => match === null)) return unreadable(output);
  return {
    value: read.map((match) => {
      const first = Number(match?.[1]);
      return { first, last: Number(match?.[2] ?? first) };
    }),
  };
}
