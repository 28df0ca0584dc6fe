import * as pulumi from "@pulumi/pulumi";
import type { Identity } from "../planning/predecessors.ts";

/** The containers that the last `up` left, by the stack's own outputs: the program's, of the name `containers`. */
export async function leftContainers(): Promise<Identity[]> {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  try {
    const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name }, {});
    const { containers } = outputs;
    return Array.isArray(containers) ? containers.filter(isIdentity) : [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    pulumi.log.warn(`what the last \`up\` left is not known, so a renamed instance is a new one: ${reason}`);
    return [];
  }
}

/** Older ones were names alone. */
const isIdentity = (value: unknown): value is Identity =>
  typeof value === "object" && value !== null && "npus" in value && Array.isArray(value.npus);
