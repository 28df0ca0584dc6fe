import type * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { ApiObject } from "../cluster/objects.ts";
import { probe } from "./probe.ts";

/** An object with all its fields. */
export interface WholeObject extends ApiObject {
  readonly metadata: ApiObject["metadata"] & { readonly labels?: Readonly<Record<string, string>> };
}

/**
 * An object of a cluster as a resource: applied when it is made or changed, removed when it goes, with what was made of it. A
 * command, as all that `up` does beside containers, and no dynamic resource: those carry their code as text in the state, where
 * an old one goes on running, and have no plugin but Pulumi's own. It comes by standard input, since a variable cannot hold
 * a rank table of a thousand instances; so a preview shows its fields all the same.
 */
export function apiObject(
  context: string | undefined,
  object: WholeObject,
  options: pulumi.CustomResourceOptions,
): command.local.Command {
  const { apiVersion, kind, metadata } = object;
  return probe(
    `${kind}-${metadata.name}`,
    "apply-object",
    inCluster(context, object, 600 + graceOf(object)),
    // Another one, not the same one changed.
    [apiVersion, metadata.namespace ?? ""],
    { ...options, deleteBeforeReplace: true },
    { atEnd: "remove-object", stdin: JSON.stringify(object) },
  );
}

/** Seconds that each of its pods may take to end; none of what makes no pods. */
export const graceOf = ({ spec }: ApiObject): number =>
  Object(spec).template?.spec?.terminationGracePeriodSeconds ?? 0;

/** An object by name, for a probe. */
export function inCluster(
  context: string | undefined,
  { apiVersion, kind, metadata: { name, namespace } }: ApiObject,
  timeoutSeconds: number,
) {
  const object = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
  return { ...(context !== undefined && { context }), object, timeoutSeconds };
}
