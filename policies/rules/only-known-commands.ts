import { resourcePolicy } from "../resource-policy.ts";

/** The programs that an `up` runs, of a clone or of the npm package, and the one variable that tells them what of. */
const probe = /^node (components\/probes\/[a-z-]+\.ts|-e 'import\("ascend-pd\/probes\/[a-z-]+"\)')$/;
const ofProbes = ["PROBE"];

/** A command does what no resource shows: `docker run --privileged` is a container that none of these policies sees. */
export const onlyKnownCommands = resourcePolicy(
  {
    name: "only-known-commands",
    description:
      "A command on this machine is one of this repository's probes, and none runs or writes a file on another.",
    remediationSteps:
      "make a resource of what the command does, or list it in the configuration of this policy once somebody has judged it",
    lists: {
      commands:
        "more commands, letter for letter, and files that are written on hosts, e.g. /data/models/config.json",
    },
  },
  ({ type, props }, { commands }) => {
    if (!type.startsWith("command:")) return [];
    const isLocal = type.startsWith("command:local:");
    const { create, update, delete: atEnd, remotePath, environment } = props;
    const run = [create, update, atEnd].filter((command): command is string => typeof command === "string");
    const unlisted = run.filter(
      (command) => !commands.includes(command) && !(isLocal && probe.test(command)),
    );
    const isProbe = run.some((command) => probe.test(command));
    const variables = isProbe
      ? Object.keys(environment ?? {}).filter((name) => !ofProbes.includes(name))
      : [];
    const isWritten = typeof remotePath === "string" && !commands.includes(remotePath);
    return [
      ...unlisted.map((command) => `runs a command that is not listed: ${shortened(command)}`),
      ...variables.map((name) => `gives a probe the variable ${name}`),
      ...(isWritten ? [`writes ${remotePath} on a host`] : []),
    ];
  },
);

/** It may hold a credential; its first word tells which it is. */
const shortened = (command: string): string => command.trim().split(/\s/)[0] ?? "";
