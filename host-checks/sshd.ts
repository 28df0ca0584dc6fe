import { failed, type HostCheck, notApplicable, ok, on, seeing } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { type Reading, unreadable } from "./tools/reading.ts";

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
