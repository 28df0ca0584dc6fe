import { masked } from "../../planning/credentials/credential.ts";
import { maskPasswords } from "../../planning/credentials/url-password.ts";
import type { ResourcePolicy } from "../policy.ts";

/** Whoever answers in a host's place is handed its containers, and here that means root on it. */
export const pinnedHostKeys: ResourcePolicy = {
  name: "pinned-host-keys",
  description:
    "Every SSH connection accepts one host key only: a Docker provider by its sshOpts, a remote command by its hostKey.",
  remediationSteps:
    "give the provider a host instead of a context, with StrictHostKeyChecking=yes and its own KnownHostsCommand or UserKnownHostsFile; give each connection, and its proxy, a hostKey",
  // Read without `known`: a key that is not known yet must not count as missing.
  validateResource: ({ type, name, props }, reportViolation) => {
    if (type === "pulumi:providers:docker" && props.context) {
      reportViolation(
        `${name} goes wherever the Docker context ${props.context} leads, whatever its host says`,
      );
    } else if (type === "pulumi:providers:docker" && props.host?.startsWith("ssh://")) {
      const fault = sshFault(JSON.parse(props.sshOpts ?? "[]"));
      if (fault !== undefined)
        reportViolation(`${name} reaches ${maskPasswords(props.host, masked)} ${fault}`);
    }
    if (type.startsWith("command:remote:")) {
      const { connection } = props;
      if (!connection.hostKey) reportViolation(`${name} accepts any host key of ${connection.host}`);
      if (connection.proxy && !connection.proxy.hostKey)
        reportViolation(`${name} accepts any host key of its proxy`);
    }
  },
};

function sshFault(sshOpts: readonly string[]): string | undefined {
  const options = optionsOf(sshOpts);
  const checking = options.get("stricthostkeychecking") ?? "unset";
  if (checking !== "yes") return `with StrictHostKeyChecking ${checking}`;
  const sources = [options.get("knownhostscommand"), options.get("userknownhostsfile")];
  const isPinned = sources.some((source) => source !== undefined && !["none", "/dev/null"].includes(source));
  return isPinned ? undefined : "with whatever keys the user's known_hosts hold";
}

/** `-o Key=value`, `-oKey=value` and `-o "Key value"` by the key in small letters. ssh takes the first of each. */
function optionsOf(sshOpts: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const [, key = "", value = ""] of sshOpts.join("\n").matchAll(/^-o\s*(\w+)\s*[=\s]\s*(.*)$/gm)) {
    if (!options.has(key.toLowerCase())) options.set(key.toLowerCase(), value);
  }
  return options;
}
