import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { isClone } from "../toolchain/repository.ts";
import type { ProbeArguments } from "./probes/arguments.ts";

export interface ProbeExtras {
  /** Runs before the resource is gone, with the arguments that it had; it stays when that fails. */
  readonly atEnd?: keyof ProbeArguments;
  /** For what must not stand in an environment. */
  readonly stdin?: pulumi.Input<string> | undefined;
}

/**
 * A program of `probes/` run as a resource: when it fails its create leaves no state, so the next `up` runs it
 * again; when it succeeded it runs again only if its arguments or triggers change. It never runs in a preview.
 */
export function probe<Name extends keyof ProbeArguments>(
  resourceName: string,
  name: Name,
  args: ProbeArguments[Name],
  triggers: pulumi.Input<string>[],
  options: pulumi.CustomResourceOptions,
  { atEnd, stdin }: ProbeExtras = {},
): command.local.Command {
  return new command.local.Command(
    resourceName,
    {
      create: programOf(name),
      ...(atEnd !== undefined && { delete: programOf(atEnd) }),
      environment: { PROBE: JSON.stringify(args) },
      triggers,
      ...(stdin !== undefined && { stdin }),
    },
    options,
  );
}

/** Stands in Pulumi's state, so it names no folder of this machine: the package is found from the program's folder. */
const programOf = (name: keyof ProbeArguments) =>
  isClone ? `node components/probes/${name}.ts` : `node -e 'import("ascend-pd/probes/${name}")'`;
