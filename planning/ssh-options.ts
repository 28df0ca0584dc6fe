import { createHash } from "node:crypto";
import type { HostPlan } from "./plan.ts";

/**
 * How `ssh` reaches a host, for the Docker provider and for probes alike: only the pinned key is accepted, whatever
 * the user's known_hosts say, and everybody shares one connection. Empty for a host of another kind.
 *
 * The key travels as an option (KnownHostsCommand, OpenSSH 8.5), so there is no file to keep in step. The path of the
 * shared connection depends on the key too: one that was made under another key is never used. `ssh` expands the `~`,
 * so the value is the same for every user, as it must be, because Pulumi's state holds it.
 */
export function sshOptions({ docker, hostKey }: HostPlan): string[] {
  if (!docker?.startsWith("ssh://")) return [];
  const options = [
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    `KnownHostsCommand=/bin/echo * ${hostKey}`,
    "BatchMode=yes",
    "ConnectTimeout=5",
    "ServerAliveInterval=15",
    "ControlMaster=auto",
    `ControlPath=${sharedConnection(docker, hostKey)}`,
    "ControlPersist=60",
  ];
  return options.flatMap((option) => ["-o", option]);
}

/** Where the connection lies that everybody shares to this endpoint under this key. */
export function sharedConnection(endpoint: string, hostKey: string | undefined): string {
  const name = createHash("sha256").update(`${endpoint} ${hostKey}`).digest("hex").slice(0, 12);
  return `~/.ssh/ascend-pd-${name}`;
}

/** The fingerprint of a public key, as `ssh` prints it. */
export function fingerprint(publicKey: string): string {
  const [, blob = ""] = publicKey.split(" ");
  const digest = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}
