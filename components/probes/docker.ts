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

/** The containers that run now. */
export async function running(docker: Engine): Promise<ContainerState[]> {
  const states: ContainerState[] = [];
  for (const { Id } of JSON.parse(await get(docker, "/containers/json")) as { Id: string }[]) {
    const state = await inspect(docker, Id).catch((error: Error) => {
      // Between the two calls anybody's container may have ended.
      if (!error.message.includes("No such container")) throw error;
    });
    if (state) states.push(state);
  }
  return states;
}

/** The last lines that a container wrote, both streams, indented for a message. */
export async function lastWords(docker: Engine, container: string): Promise<string> {
  const framed = await get(docker, `/containers/${container}/logs?stdout=1&stderr=1&tail=20`);
  return withoutFrames(framed).trimEnd().replaceAll(/^/gm, "  ");
}

/**
 * Docker puts 8 bytes before each line, and before each further 16 KiB of a longer one: which stream, three zeros, and
 * the length, big-endian in four bytes. In text they are 8 characters, as only the last byte can be above 0x7f.
 */
function withoutFrames(log: string): string {
  return log.replaceAll(/\p{Cc}\0{5}.{2}/gsu, "");
}

function get(docker: Engine, path: string): Promise<string> {
  return expectEngine(docker ?? process.env.DOCKER_HOST ?? defaultHost, path, {
    signal: AbortSignal.timeout(10_000),
  });
}
