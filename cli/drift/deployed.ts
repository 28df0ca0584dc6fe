import { everyContainer } from "../../planning/container/settings.ts";
import { tryRun } from "../../system/programs.ts";
import { asArray, asObject } from "../differences/properties.ts";

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
  const there = resources.filter((one) => one.delete !== true);
  const containers = there.filter((one) => one.type === "docker:index/container:Container");
  return new Map(
    containers.map(({ id, provider, inputs }) => {
      const name = String(asObject(inputs).name);
      const settled = there.find(({ urn }) => String(urn).endsWith(`::${name}-settled`));
      const renewed = settled && renewedFiles(asObject(settled.inputs).stdin);
      // A provider is named after its host: `urn:…::<name>::<id>`.
      const host = String(provider).split("::").at(-2) ?? "";
      return [
        name,
        { id: String(id), host, inputs: { ...asObject(inputs), ...(renewed && { uploads: renewed }) } },
      ];
    }),
  );
}

/** The files of a scheduler that was told of its instances while it ran, as the uploads that they stand for. */
function renewedFiles(stdin: unknown): object[] {
  const { global, local, nodePorts, apiKeys } = asObject(JSON.parse(String(stdin)));
  const files = [global, local, nodePorts, ...(apiKeys === undefined ? [] : [apiKeys])];
  return files.map(asObject).map(({ path, content }) => ({
    file: path,
    content,
    permissions: everyContainer.fileMode,
  }));
}
