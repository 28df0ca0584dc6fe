import { type Image, readImage, readVersion } from "../docker/answers.ts";
import { tryEngine } from "../docker/api.ts";
import { wrongArchitecture } from "../host-checks/docker.ts";
import type { HostPlan } from "../planning/plan.ts";
import { registryNamed, registryOf } from "../planning/registry.ts";
import { ask, askIfThere, engineOf, ofOne } from "./engine.ts";

/** An image by its name or id, if the host has it. */
export function imageOn(host: HostPlan, name: string): Promise<Image | undefined> {
  const path = encodeURIComponent(name.toWellFormed()).replaceAll("%2F", "/");
  return askIfThere(host, `/images/${path}/json`, readImage, ofOne);
}

export interface RegistryAuth {
  /** Any of the registry's names. */
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
  const { Arch: here } = await ask(host, "/version", readVersion);
  const built = ((await imageOn(host, image)) ?? (await pulled()))?.Architecture;
  if (built !== here) {
    const { seen, fix } = wrongArchitecture(host.name, image, built || "no architecture", here);
    throw new Error(`${host.name}: ${seen}\nfix: ${fix}`);
  }

  async function pulled(): Promise<Image | undefined> {
    // Without a tag the engine would pull every one there is.
    const reference = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const path = `/images/create?fromImage=${encodeURIComponent(reference)}`;
    const registry = registryOf(image);
    const auth = (await credentials()).find(({ address }) => registryNamed(address) === registry);
    const { failure } = await tryEngine(engineOf(host), path, {
      method: "POST",
      ...(auth !== undefined && { headers: { "x-registry-auth": header(auth) } }),
    });
    if (failure === undefined) return imageOn(host, image);
    throw new Error(
      `${host.name} has no image ${image}, and its Docker Engine could not pull it: ${failure}\n` +
        `fix: docker pull it on ${host.name}, logged in to ${registry}, or give ascend-pd:registryAuth its credentials; or send it there from a ` +
        `machine that has it: docker save ${image} | ssh ${host.address} docker load`,
    );
  }
}

/** The engine wants the letters of base64url and the padding of base64; what it cannot read it takes for nothing. */
function header({ address, ...credentials }: RegistryAuth): string {
  const json = JSON.stringify({ ...credentials, serveraddress: address });
  return Buffer.from(json).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
