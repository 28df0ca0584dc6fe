import { tryRun } from "../../toolchain/context.ts";
import { asArray, asObject } from "../diff/properties.ts";

/** A container that Pulumi brought up, by its state. */
export interface DeployedContainer {
  readonly id: string;
  /** Name of its host. */
  readonly host: string;
  /** What it was made from, as the program gave it then. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** By the container's name. */
export type Deployed = ReadonlyMap<string, DeployedContainer>;

/** What Pulumi's state says of `stack`, or why it cannot be known here. Secrets stay encrypted. */
export async function deployedContainers(stack: string): Promise<Deployed | { readonly unknown: string }> {
  const command = ["stack", "export", "--stack", stack, "--non-interactive", "--color=never"];
  const { code, stdout, stderr } = await tryRun("pulumi", command, { timeout: 10_000 });
  if (code !== 0) return { unknown: stderr.trim().split("\n")[0] || "pulumi does not answer" };
  return readDeployed(stdout);
}

/** Reads what `pulumi stack export` prints. */
export function readDeployed(state: string): Deployed {
  const resources = asArray(asObject(asObject(JSON.parse(state)).deployment).resources).map(asObject);
  const containers = resources.filter(
    (one) => one.type === "docker:index/container:Container" && one.delete !== true,
  );
  return new Map(
    containers.map(({ id, provider, inputs }) => [
      String(asObject(inputs).name),
      // A provider is named after its host: `urn:…::<name>::<id>`.
      { id: String(id), host: String(provider).split("::").at(-2) ?? "", inputs: asObject(inputs) },
    ]),
  );
}
