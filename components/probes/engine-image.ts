import { wrongArchitecture } from "../../planning/host-checks/docker.ts";
import type { HostPlan } from "../../planning/plan.ts";
import { callEngine, expectEngine, tryEngine } from "../../toolchain/docker-api.ts";
import { engineOf } from "./docker.ts";

/**
 * Makes sure that the host has an image that it can run, before anything that runs there is stopped for it. One that
 * is absent is pulled by the host's engine, which has no credentials of ours.
 */
export async function requireImage(host: HostPlan, image: string): Promise<void> {
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
    const { failure } = await tryEngine(engine, path, { method: "POST" });
    if (failure === undefined) return architectureOf();
    throw new Error(
      `${host.name} has no image ${image}, and its Docker Engine could not pull it: ${failure}\n` +
        `fix: docker pull it on ${host.name}, logged in to its registry; or, where there is none, send it there from a ` +
        `machine that has it: docker save ${image} | ssh ${host.address} docker load`,
    );
  }

  async function architectureOf(): Promise<string | undefined> {
    const { status, body } = await callEngine(engine, `/images/${image}/json`);
    return status === 200 ? JSON.parse(body).Architecture : undefined;
  }
}
