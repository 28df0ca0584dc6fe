import {
  callEngine,
  type EngineAddress,
  type EngineAnswer,
  engineAt,
  greetEngine,
  hostOf,
} from "../../docker/api.ts";
import { archivedFile } from "../../docker/archive.ts";
import { isOf } from "../../planning/container/settings.ts";
import type { HostPlan, Plan } from "../../planning/plan.ts";
import { sshOptions } from "../../planning/ssh-options.ts";
import { unreachableMessage } from "../../planning/unreachable.ts";
import type { HostAnswer } from "./compared.ts";
import { type Container, type Image, isAlive, readContainer, readImage, readList } from "./engine-answers.ts";
import type { SeenFile } from "./files.ts";
import { standIn } from "./find-drift.ts";

/** Characters of an answer. A thousand containers in a list, or instances in a rank table, have a few million. */
const longest = 16 * 1024 * 1024;
/** One of the stack's containers has some ten thousand, and each of its variables is compared. */
const longestOfOne = 1024 * 1024;

/** Asks a host's engine what there is of the stack. Changes nothing. Or says why it could not be asked. */
export async function askHost(
  plan: Plan,
  host: HostPlan,
): Promise<HostAnswer | { readonly problem: string }> {
  const engine = engineAt(host.docker, sshOptions(host));
  const greeting = await greetEngine(engine);
  if (!greeting.answers) return { problem: unreachableMessage(host, hostOf(engine), greeting.reason) };
  try {
    return await answerOf(plan, host, engine);
  } catch (error) {
    const { message } = error as Error;
    return {
      problem: `${host.name}: the Docker Engine at ${hostOf(engine)} stopped answering: ${message}\nfix: run this again`,
    };
  }
}

async function answerOf(plan: Plan, host: HostPlan, engine: EngineAddress): Promise<HostAnswer> {
  const planned = plan.containers.filter((container) => container.host === host.name);
  const names = new Set(planned.map(({ name }) => `/${name}`));
  const containers: Container[] = [];
  for (const { Id, Names, Labels, State } of readList(await list("/containers/json?all=1"))) {
    const isOurs = isOf(plan.stack, Labels) || Names.some((name) => names.has(name));
    if (!isOurs && !isAlive(State)) continue;
    // Between the two calls anybody's container may have gone.
    const body = await found(`/containers/${Id}/json`, isOurs ? longestOfOne : longest);
    if (body !== undefined) containers.push(readContainer(body));
  }

  const images = new Map<string, Image>();
  const files = new Map<string, ReadonlyMap<string, SeenFile>>();
  for (const container of planned) {
    const there = standIn(container, plan, containers);
    if (there === undefined) continue;
    for (const image of [there.Image, there.Config.Image]) {
      if (images.has(image)) continue;
      const body = await found(`/images/${pathOf(image)}/json`, longestOfOne);
      if (body !== undefined) images.set(image, readImage(body));
    }
    const seen = new Map<string, SeenFile>();
    for (const { path } of container.files) seen.set(path, await fileOf(there.Id, path));
    files.set(there.Id, seen);
  }
  return { containers, images, files };

  async function fileOf(id: string, path: string): Promise<SeenFile> {
    const archive = await found(`/containers/${id}/archive?path=${encodeURIComponent(path)}`);
    if (archive === undefined) return { problem: "none" };
    return archivedFile(archive) ?? { problem: "no file" };
  }

  async function list(path: string): Promise<string> {
    return bodyOf(await ask(path, longest), path);
  }

  async function found(path: string, most = longest): Promise<string | undefined> {
    const answer = await ask(path, most);
    return answer.status === 404 ? undefined : bodyOf(answer, path);
  }

  function ask(path: string, most: number): Promise<EngineAnswer> {
    return callEngine(engine, path, { signal: AbortSignal.timeout(10_000), longest: most });
  }
}

function bodyOf({ status, body }: EngineAnswer, path: string): string {
  if (status === 200) return body;
  throw new Error(`GET ${path} gave status ${status}: ${body.slice(0, 400).trim()}`);
}

/** A name with slashes, or an id, as a part of a path. */
const pathOf = (image: string): string => encodeURIComponent(image.toWellFormed()).replaceAll("%2F", "/");
