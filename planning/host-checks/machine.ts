import { isIpv4 } from "../addresses.ts";
import { isOf } from "../container-settings.ts";
import { linesOf, type Reading, unreadable } from "../host-tools/reading.ts";
import { includes, type PortRange, portsIn } from "../rules/ports.ts";
import { failed, type HostCheck, notApplicable, ok, on, seeing, together, type Verdict } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { type Listener, readListeners } from "./listeners.ts";
import type { WantedPorts } from "./wanted.ts";

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
      const others = addresses.filter((one) => !one.startsWith("127.")).join(", ") || "none but loopback";
      const fix = `put the one that the other hosts reach into hosts.${host.wanted.name}.address`;
      return failed(`${address} is none of its addresses: ${others}`, fix);
    });
  },
};

function readAddresses(output: string): Reading<readonly string[]> {
  const addresses = [...new Set(linesOf(output).filter(isIpv4))];
  return addresses.length > 0 ? { value: addresses } : unreadable(output);
}

export const portsFree: HostCheck = {
  code: "HC602",
  severity: "error",
  title: "the stack's ports are free, or held by its own containers",
  why: "On the host's network Docker does not see the conflict: the container starts, and its server ends.",
  source: "the manual, constraints: ports of instances; HCCL, HCCL_IF_BASE_PORT",
  check: (host) =>
    seeing(through(host.said("tcp"), readPorts), (listening) =>
      seeing(host.engine, ({ running }) => {
        const ours = running.filter((one) => isOf(host.wanted.stack, one.Config.Labels));
        const holders = holdersOf(host);
        const declared = new Set(ours.flatMap(({ Config }) => portsOf(Config.Cmd ?? [])));
        const isOwn = (port: number) => {
          const holder = holders.find((one) => one.port === port);
          return holder === undefined ? declared.has(port) : ours.some(({ Id }) => Id === holder.container);
        };
        return together(
          // Which of HCCL's ports are ours, no command line tells.
          host.wanted.ports
            .filter(({ owner }) => owner !== "HCCL" || ours.length === 0)
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

/** Seconds that clocks may differ; the moment of an answer is not known better than the time it took. */
const tolerance = 5;

interface Clock {
  /** The least and the most that the host's clock is ahead of this machine's, in seconds. */
  readonly least: number;
  readonly most: number;
}

const clockOf = ({ said, report }: HostFacts): Reading<Clock> =>
  through(said("clock"), (output) => {
    if (!/^\d{9,11}\s*$/.test(output)) return unreadable(output);
    const there = Number(output);
    // `date` leaves out the fraction.
    return { value: { least: there - report.answered, most: there + 1 - report.sent } };
  });

const clockFix = (host: HostFacts) =>
  `let chronyd or ntpd set the clock ${on(host)}; \`timedatectl\` shows whether one does`;

export const clockHere: HostCheck = {
  code: "HC604",
  severity: "warning",
  title: "the host's clock agrees with this machine's to 5 seconds",
  why: "Logs of several machines cannot be put in one order, and certificates are not yet or no longer valid.",
  source: "the manual mounts /etc/localtime, so that times can be compared",
  check: (host) =>
    seeing(clockOf(host), ({ least, most }) => {
      if (least > tolerance) return failed(`it is ${Math.round(least)} s ahead`, clockFix(host));
      if (most < -tolerance) return failed(`it is ${Math.round(-most)} s behind`, clockFix(host));
      return ok("the same");
    }),
};

export const clocksEqual: HostCheck = {
  code: "HC605",
  severity: "warning",
  title: "the clocks of all hosts agree to 5 seconds",
  why: "Logs of prefill and decode of one request cannot be put in one order.",
  source: "the manual mounts /etc/localtime, so that times can be compared",
  check: (host, all) => {
    if (all.length < 2) return notApplicable("there is no other host");
    return seeing(clockOf(host), (here) => {
      for (const other of all) {
        const there = clockOf(other);
        if ("unreadable" in there) continue;
        const ahead = Math.max(here.least - there.value.most, there.value.least - here.most);
        if (ahead > tolerance) {
          return failed(`it is ${Math.round(ahead)} s from that of ${other.wanted.name}`, clockFix(host));
        }
      }
      return ok("the same");
    });
  },
};

/** A number of sshd's configuration; `MaxStartups` has three, and the first counts. */
const sshdNumber = (host: HostFacts, key: string): Reading<number> =>
  through(host.said("sshd"), (output) => {
    const value = new RegExp(`^${key} (\\d+)`, "im").exec(output)?.[1];
    return value === undefined ? unreadable(output) : { value: Number(value) };
  });

/** What OpenSSH has unless it is told otherwise. */
const sshdDefault = 10;

function sshdLimit(code: string, key: string, why: string): HostCheck {
  return {
    code,
    severity: "warning",
    title: `sshd's ${key} is at least ${sshdDefault}`,
    why,
    source: `sshd_config(5): ${key}, ${sshdDefault} unless set`,
    check: (host) => {
      if (!host.wanted.docker?.startsWith("ssh://")) return notApplicable("the host is not reached by SSH");
      return seeing(sshdNumber(host, key), (number) => {
        if (number >= sshdDefault) return ok(`${number}`);
        const fix = `set ${key} ${sshdDefault} or more in /etc/ssh/sshd_config ${on(host)}, then \`systemctl reload sshd\``;
        return failed(`${key} ${number}`, fix);
      });
    },
  };
}

export const sshdStartups = sshdLimit(
  "HC606",
  "MaxStartups",
  "Of connections that begin at once sshd drops some beyond it, and `pulumi up` begins several.",
);

export const sshdSessions = sshdLimit(
  "HC607",
  "MaxSessions",
  "All commands to a host share one connection; those beyond it need connections of their own.",
);
