import type { Container, Image } from "../../docker/answers.ts";
import { archivedFile } from "../../docker/archive.ts";
import { npuScript } from "../../host-checks/script.ts";
import { inspectAll, inspectHolders, listContainers } from "../../hosts/containers.ts";
import { askIfThere, engineOf } from "../../hosts/engine.ts";
import { imageOn } from "../../hosts/images.ts";
import { unreachable } from "../../hosts/reach.ts";
import { runScript } from "../../hosts/script.ts";
import { isOf } from "../../planning/container/settings.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import type { HostAnswer } from "./compared.ts";
import type { SeenFile } from "./files.ts";
import { standIn } from "./find-drift.ts";
import { npusOf } from "./npus.ts";

/** Asks a host's engine what there is of the stack. Changes nothing. Or says why it could not be asked. */
export async function askHost(
  plan: Plan,
  host: HostPlan,
): Promise<HostAnswer | { readonly problem: string }> {
  const problem = await unreachable(host);
  if (problem !== undefined) return { problem };
  return answerOf(plan, host).catch(({ message }: Error) => ({ problem: `${message}\nfix: run this again` }));
}

async function answerOf(plan: Plan, host: HostPlan): Promise<HostAnswer> {
  const planned = plan.containers.filter((container) => container.host === host.name);
  const npus = planned.flatMap(npusOf);
  const [tools, docker] = await Promise.all([
    npus.length === 0 ? undefined : runScript(engineOf(host), npuScript(npus)),
    dockerAnswer(plan, host, planned),
  ]);
  return { ...docker, ...(tools !== undefined && { tools }) };
}

async function dockerAnswer(
  plan: Plan,
  host: HostPlan,
  planned: readonly ContainerPlan[],
): Promise<HostAnswer> {
  const names = new Set(planned.map(({ name }) => `/${name}`));
  const { ours = [], others = [] } = Object.groupBy(await listContainers(host), ({ Names, Labels }) =>
    isOf(plan.stack, Labels) || Names.some((name) => names.has(name)) ? "ours" : "others",
  );
  const containers = [...(await inspectAll(host, ours)), ...(await inspectHolders(host, others))];

  const images = new Map<string, Image>();
  const files = new Map<string, ReadonlyMap<string, SeenFile>>();
  for (const container of planned) {
    const there = standIn(container, plan, containers);
    if (there === undefined) continue;
    for (const name of imagesOf(there)) {
      const image = images.get(name) ?? (await imageOn(host, name));
      if (image !== undefined) images.set(name, image);
    }
    const seen = new Map<string, SeenFile>();
    for (const { path } of container.files) seen.set(path, await fileOn(host, there.Id, path));
    files.set(there.Id, seen);
  }
  return { containers, images, files };
}

/** That which it runs, and that which its name means now. */
const imagesOf = ({ Image, Config }: Container): string[] => [Image, Config.Image];

async function fileOn(host: HostPlan, id: string, path: string): Promise<SeenFile> {
  const archive = `/containers/${id}/archive?path=${encodeURIComponent(path)}`;
  const read = (body: string): SeenFile => archivedFile(body) ?? { problem: "no file" };
  return (await askIfThere(host, archive, read)) ?? { problem: "none" };
}
