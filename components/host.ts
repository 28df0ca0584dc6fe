import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { HostPlan } from "../planning/plan.ts";

export interface HostArgs {
  readonly host: HostPlan;
}

/**
 * A machine with a Docker Engine. Its provider carries the host's stable name: an address may change without the
 * provider, and with it every container on the host, being replaced.
 */
export class Host extends pulumi.ComponentResource {
  readonly host: HostPlan;
  readonly provider: docker.Provider;

  constructor(name: string, args: HostArgs, options?: pulumi.ComponentResourceOptions) {
    super("ascend-pd:index:Host", name, args, options);
    this.host = args.host;
    const { docker: endpoint, hostKey } = args.host;
    this.provider = new docker.Provider(
      name,
      {
        ...(endpoint !== undefined && { host: endpoint }),
        ...(hostKey !== undefined && { sshOpts: pinnedHostKey(hostKey) }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

/**
 * ssh options under which only this public key is accepted, whatever the user's known_hosts say. The key travels
 * as an option (KnownHostsCommand, OpenSSH 8.5), so there is no file to keep in step.
 */
export function pinnedHostKey(hostKey: string): string[] {
  const options = [
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    `KnownHostsCommand=/bin/echo * ${hostKey}`,
    "BatchMode=yes",
    "ConnectTimeout=10",
  ];
  return options.flatMap((option) => ["-o", option]);
}
