import { setTimeout as sleep } from "node:timers/promises";
import { type EngineAddress, engineAt, hostOf, tryEngine } from "../docker/api.ts";
import { unframed } from "../docker/frames.ts";
import type { Holder } from "../host-checks/devices.ts";
import { stackLabel } from "../planning/container/settings.ts";
import type { HostPlan } from "../planning/plan.ts";
import { sshOptions } from "../planning/ssh-options.ts";
import { visibleLines } from "../problems/text.ts";

export interface ContainerState extends Holder {
  readonly Id: string;
  readonly Config: Holder["Config"] & { readonly Labels: Readonly<Record<string, string>> };
  readonly RestartCount: number;
  readonly State: { readonly Running: boolean; readonly ExitCode: number; readonly Error: string };
}

/** The engine of a host, reached as the Docker provider reaches it. */
export function engineOf(host: HostPlan): EngineAddress {
  return engineAt(host.docker, sshOptions(host));
}

export async function inspect(host: HostPlan, container: string): Promise<ContainerState> {
  return JSON.parse(await get(host, `/containers/${container}/json`));
}

/** The containers that run now. */
export async function running(host: HostPlan): Promise<ContainerState[]> {
  const states: ContainerState[] = [];
  for (const { Id } of JSON.parse(await get(host, "/containers/json")) as { Id: string }[]) {
    const state = await inspect(host, Id).catch((error: Error) => {
      // Between the two calls anybody's container may have ended.
      if (!error.message.includes("No such container")) throw error;
    });
    if (state) states.push(state);
  }
  return states;
}

export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/** All containers, running or not. */
export async function allContainers(host: HostPlan): Promise<readonly ContainerSummary[]> {
  return JSON.parse(await get(host, "/containers/json?all=1"));
}

/** Whether the host has containers of a stack, running or not. */
export async function hasContainers(host: HostPlan, stack: string): Promise<boolean> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${stackLabel}=${stack}`] }));
  return JSON.parse(await get(host, `/containers/json?all=1&filters=${filters}`)).length > 0;
}

/** The last lines that a container wrote, both streams, indented for a message. */
export async function lastWords(host: HostPlan, container: string): Promise<string> {
  const log = await get(host, `/containers/${container}/logs?stdout=1&stderr=1&tail=20`, "latin1");
  return visibleLines(unframed(Buffer.from(log, "latin1")))
    .trimEnd()
    .replaceAll(/^/gm, "  ");
}

async function get(host: HostPlan, path: string, encoding: "utf8" | "latin1" = "utf8"): Promise<string> {
  const engine = engineOf(host);
  const ask = () => tryEngine(engine, path, { encoding, signal: AbortSignal.timeout(10_000) });
  let { body, failure } = await ask();
  // A busy sshd drops some of the connections that come to it at once.
  for (let more = 2; failure !== undefined && body === "" && typeof engine !== "string" && more > 0; more--) {
    await sleep(1000);
    ({ body, failure } = await ask());
  }
  if (failure === undefined) return body;
  const fix = failure.includes("No such container")
    ? "\nfix: if it was removed, or the host is another machine now, `pulumi up --refresh` sees that and makes it again"
    : "";
  throw new Error(
    `the Docker Engine of ${host.name} (${hostOf(engine)}) failed GET ${path}: ${failure}${fix}`,
  );
}
