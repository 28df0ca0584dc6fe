import { containerPolicy } from "../resource-policy.ts";

/** Docker's own that write on the host, or nowhere. Where none is named, the engine's default counts. */
const onHost = ["json-file", "local", "journald", "none"];

/** An engine that is asked to log prompts does: what it prints would go to whoever the driver sends it to. */
export const logsKeptOnHost = containerPolicy(
  {
    name: "logs-kept-on-host",
    description: `What a container prints stays on its host: its log driver is ${onHost.join(", ")}, or the engine's default.`,
    remediationSteps:
      "use json-file and have what collects logs read them on the host, or list the driver in the configuration of this policy",
    lists: { drivers: "more log drivers, e.g. fluentd" },
  },
  ({ logDriver }, { drivers }) =>
    !logDriver || [...onHost, ...drivers].includes(logDriver)
      ? []
      : [`sends its log away, by the driver ${logDriver}`],
);
