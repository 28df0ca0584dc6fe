import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { HostPlan } from "../planning/plan.ts";
import { sshOptions } from "../planning/ssh-options.ts";

export interface HostArgs {
  readonly host: HostPlan;
}

/**
 * A machine with a Docker Engine. Its provider carries the host's stable name: an endpoint may change without the
 * provider, and with it every container on the host, being replaced.
 */
export class Host extends pulumi.ComponentResource {
  readonly host: HostPlan;
  readonly provider: docker.Provider;

  constructor(name: string, args: HostArgs, options?: pulumi.ComponentResourceOptions) {
    super("ascend-pd:index:Host", name, args, options);
    this.host = args.host;
    const sshOpts = sshOptions(args.host);
    this.provider = new docker.Provider(
      name,
      {
        // Unset, it would be DOCKER_CONTEXT, which overrides every `host`.
        context: "",
        ...(args.host.docker !== undefined && { host: args.host.docker }),
        ...(sshOpts.length > 0 && { sshOpts }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
