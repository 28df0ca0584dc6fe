import { posix } from "node:path";
import { Container, Volume } from "@pulumi/docker";
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { ContainerInputs } from "./container-policy.ts";
import { type Known, known } from "./known.ts";
import type { PolicyTexts, ResourcePolicy } from "./policy.ts";

export interface HostMount {
  /** Absolute, without `.`, `..`, repeated or trailing slashes. */
  readonly source: string;
  readonly readOnly: boolean;
}

/**
 * A policy on every folder or file of the host that a container is given, or that a volume stands for: `check` says
 * what is wrong with it, after the name of the container or volume and the path.
 */
export function mountPolicy(
  texts: PolicyTexts,
  check: (mount: HostMount) => string | undefined,
): ResourcePolicy {
  return {
    ...texts,
    validateResource: (args, reportViolation) => {
      for (const mount of hostMounts(args)) {
        const violation = check(mount);
        if (violation !== undefined)
          reportViolation(`${args.name} mounts ${mount.source} of the host${violation}`);
      }
    },
  };
}

function hostMounts({ isType, props }: ResourceValidationArgs): HostMount[] {
  return sourcesOf(isType, known(props))
    .filter(({ source }) => source?.startsWith("/"))
    .map(({ source = "", readOnly }) => ({ source: posix.resolve(source), readOnly: readOnly === true }));
}

type Source = { readonly source?: string | undefined; readonly readOnly?: boolean | undefined };

function sourcesOf(
  isType: ResourceValidationArgs["isType"],
  props: Known<Record<string, unknown>>,
): Source[] {
  if (isType(Volume)) return [boundBy(props.driverOpts as DriverOptions)];
  if (!isType(Container)) return [];
  const { mounts = [], volumes = [] } = props as ContainerInputs;
  return [
    ...mounts.flatMap((mount) => [mount, boundBy(mount.volumeOptions?.driverOptions)]),
    ...volumes.map(({ hostPath, readOnly }) => ({ source: hostPath, readOnly })),
  ];
}

type DriverOptions = Readonly<Record<string, string | undefined>> | undefined;

/** The local driver can make a volume of a folder of the host: `{ type: "none", o: "bind,ro", device: "/etc" }`. */
const boundBy = (options: DriverOptions): Source => ({
  source: options?.device,
  readOnly: options?.o?.split(",").includes("ro"),
});
