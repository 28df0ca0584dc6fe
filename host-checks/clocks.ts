import { failed, type HostCheck, notApplicable, ok, on, seeing } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { type Reading, unreadable } from "./tools/reading.ts";

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
