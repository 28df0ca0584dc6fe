import { defaultHost, expectEngine } from "../../toolchain/docker-api.ts";

export interface ContainerState {
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: { readonly Running: boolean; readonly ExitCode: number; readonly Error: string };
  readonly HostConfig: { readonly Devices: readonly { readonly PathOnHost: string }[] | null };
}

/** `docker` as in HostPlan: absent means the engine that DOCKER_HOST names, else the default one. */
type Engine = string | undefined;

export async function inspect(docker: Engine, container: string): Promise<ContainerState> {
  return JSON.parse(await get(docker, `/containers/${container}/json`));
}

/** Ids of the containers that run now. */
export async function running(docker: Engine): Promise<string[]> {
  return (JSON.parse(await get(docker, "/containers/json")) as { Id: string }[]).map(({ Id }) => Id);
}

/** The last lines that a container wrote, both streams, indented for a message. */
export async function lastWords(docker: Engine, container: string): Promise<string> {
  const framed = await get(docker, `/containers/${container}/logs?stdout=1&stderr=1&tail=20`);
  // Docker puts 8 bytes before each line: which stream it was, and its length.
  return framed.trimEnd().replaceAll(/^.{8}/gms, "  ");
}

function get(docker: Engine, path: string): Promise<string> {
  return expectEngine(docker ?? process.env.DOCKER_HOST ?? defaultHost, path, {
    signal: AbortSignal.timeout(10_000),
  });
}
