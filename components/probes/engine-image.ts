import { callEngine, expectEngine, tryEngine } from "../../docker/api.ts";
import { wrongArchitecture } from "../../host-checks/docker.ts";
import { engineOf } from "../../hosts/containers.ts";
import type { HostPlan } from "../../planning/plan.ts";

export interface RegistryAuth {
  /** As it stands in front of an image's name, or `docker.io`. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Makes sure that the host has an image that it can run, before anything that runs there is stopped for it. One that
 * is absent is pulled by the host's engine, with the credentials that `credentials` has for its registry.
 */
export async function requireImage(
  host: HostPlan,
  image: string,
  credentials: () => Promise<readonly RegistryAuth[]>,
): Promise<void> {
  const engine = engineOf(host);
  const here = JSON.parse(await expectEngine(engine, "/version")).Arch;
  const built = (await architectureOf()) ?? (await pulled());
  if (built !== here) {
    const { seen, fix } = wrongArchitecture(host.name, image, built ?? "no architecture", here);
    throw new Error(`${host.name}: ${seen}\nfix: ${fix}`);
  }

  async function pulled(): Promise<string | undefined> {
    // Without a tag the engine would pull every one there is.
    const reference = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const path = `/images/create?fromImage=${encodeURIComponent(reference)}`;
    const registry = registryOf(image);
    const auth = (await credentials()).find(({ address }) => address === registry);
    const { failure } = await tryEngine(engine, path, {
      method: "POST",
      ...(auth !== undefined && { headers: { "x-registry-auth": header(auth) } }),
    });
    if (failure === undefined) return architectureOf();
    throw new Error(
      `${host.name} has no image ${image}, and its Docker Engine could not pull it: ${failure}\n` +
        `fix: docker pull it on ${host.name}, logged in to ${registry}, or give ascend-pd:registryAuth its credentials; or send it there from a ` +
        `machine that has it: docker save ${image} | ssh ${host.address} docker load`,
    );
  }

  async function architectureOf(): Promise<string | undefined> {
    const { status, body } = await callEngine(engine, `/images/${image}/json`);
    return status === 200 ? JSON.parse(body).Architecture : undefined;
  }
}

/** What is before the first slash is a registry if it looks like a host. */
function registryOf(image: string): string {
  const [first = "", rest] = image.split("/", 2);
  return rest !== undefined && /[.:]|^localhost$/.test(first) ? first : "docker.io";
}

/** The engine wants the letters of base64url and the padding of base64; what it cannot read it takes for nothing. */
function header({ address, ...credentials }: RegistryAuth): string {
  const json = JSON.stringify({ ...credentials, serveraddress: address });
  return Buffer.from(json).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
