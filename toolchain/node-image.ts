import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { callEngine, type EngineAddress, expectEngine, hostOf, tryEngine } from "../docker/api.ts";
import { saveImage } from "../docker/save-image.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { assembleNodeImage } from "./assemble-node-image.ts";
import { cached, openCache } from "./cache.ts";
import type { Choice, Context } from "./context.ts";
import { type Architecture, nodeDigest } from "./node-digests.ts";
import { pinnedVersion } from "./repository.ts";

/** What every engine has the Node image as, wherever it came from. */
export const nodeImageName = async (): Promise<string> => `ascend-pd/node:${await pinnedVersion("node")}`;

/**
 * The image that scheduler/Dockerfile and simulator/Dockerfile stand on: Node as in package.json, for
 * `architecture` (the engine's own where none is given; another one can be built on, not run). Its name is the same
 * wherever it came from: already in the engine, pulled from the registry that the engine uses, or assembled from
 * npm and Debian packages here and sent to the engine.
 */
export async function ensureNodeImage(
  context: Context,
  engine: EngineAddress,
  architecture?: Architecture,
): Promise<{ choice: Choice; image: string }> {
  const target = architecture ?? (await engineArchitecture(engine));
  // Containers run the Node that the tests ran.
  const version = await pinnedVersion("node");
  const assembled = `ascend-pd/node:${version}-${target}`;
  const image = architecture === undefined ? await nodeImageName() : assembled;
  const chosen = (why: string) => ({ choice: { part: "Node image", chosen: image, why }, image });

  if ((await architectureOf(engine, image)) === target) return chosen("it is in the engine already");
  const official = `node:${version}-slim`;
  const present = (await architectureOf(engine, official)) === target;
  const refusal = present ? undefined : await pull(context, engine, official, target);
  if (refusal === undefined) {
    await tag(engine, official, image);
    return chosen(`${official} was ${present ? "in the engine already" : "pulled"}`);
  }
  const folder = await assembledFolder(context, target);
  await expectEngine(engine, "/images/load?quiet=1", {
    method: "POST",
    tar: createReadStream(join(folder, "image.tar"), { highWaterMark: 1024 * 1024 }),
  });
  await tag(engine, assembled, image);
  return chosen(
    `assembled from npm and Debian packages, because ${official} could not be pulled: ${refusal}`,
  );
}

/**
 * The folder in the cache whose image.tar has that image, whence `ensureNodeImage` takes it where no registry is in reach:
 * what `engine` has of it or pulls, and without an engine an assembled one.
 */
export async function nodeImageArchive(
  context: Context,
  engine: EngineAddress | undefined,
  architecture: Architecture,
): Promise<string> {
  const name = await cacheName(architecture);
  const folder = join(context.cacheDir, name);
  if (existsSync(folder)) return folder;
  if (engine === undefined) return assembledFolder(context, architecture);
  const { image } = await ensureNodeImage(context, engine, architecture);
  // There by now where it had to be assembled.
  return cached(context, name, (partial) => saveImage(engine, image, join(partial, "image.tar")));
}

const cacheName = async (architecture: Architecture): Promise<string> =>
  `node-image/${await pinnedVersion("node")}-${architecture}-${(await nodeDigest(architecture)).slice(0, 12)}`;

async function assembledFolder(context: Context, architecture: Architecture): Promise<string> {
  const version = await pinnedVersion("node");
  const sha256 = await nodeDigest(architecture);
  const image = `ascend-pd/node:${version}-${architecture}`;
  return cached(context, await cacheName(architecture), (partial) =>
    assembleNodeImage(context, { version, architecture, sha256, image }, partial),
  );
}

async function tag(engine: EngineAddress, image: string, name: string): Promise<void> {
  const [repo, tag] = name.split(":");
  await expectEngine(engine, `/images/${image}/tag?repo=${repo}&tag=${tag}`, { method: "POST" });
}

async function engineArchitecture(engine: EngineAddress): Promise<Architecture> {
  const name = JSON.parse(await expectEngine(engine, "/version")).Arch;
  if (name === "amd64" || name === "arm64") return name;
  throw new FixableError(
    `The Docker Engine at ${hostOf(engine)} runs on ${name}; there is no Node image for that`,
    "use a host that is amd64 or arm64",
  );
}

/** Undefined where the engine has no image of that name. */
async function architectureOf(engine: EngineAddress, image: string): Promise<string | undefined> {
  const { status, body } = await callEngine(engine, `/images/${image}/json`);
  return status === 200 ? JSON.parse(body).Architecture : undefined;
}

const minute = 60_000;

/**
 * Pulls `official` for `target`. Returns why not, where that fails; an unreachable registry costs no more than 2.5 s
 * and is not asked again for an hour.
 */
async function pull(
  context: Context,
  engine: EngineAddress,
  official: string,
  target: Architecture,
): Promise<string | undefined> {
  // Each engine has its own way to a registry.
  const key = createHash("sha256").update(hostOf(engine)).digest("hex").slice(0, 12);
  const note = join(context.cacheDir, `registry-unreachable-${key}`);
  const noted = await stat(note).catch(() => undefined);
  if (noted !== undefined && Date.now() - noted.mtimeMs < 60 * minute) return readFile(note, "utf8");

  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), 2500);
  let reached = false;
  const { failure } = await tryEngine(
    engine,
    `/images/create?fromImage=${official}&platform=linux/${target}`,
    {
      method: "POST",
      signal: abort.signal,
      // The engine's first message comes when the registry has answered it.
      onMessage: () => {
        if (!reached) context.say(`pulling ${official} for ${target}`);
        reached = true;
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), minute);
      },
    },
  );
  clearTimeout(timer);
  if (failure !== undefined) {
    const reason = abort.signal.aborted ? "the registry does not answer" : failure;
    if (!reached) {
      await openCache(context);
      await writeFile(note, reason);
    }
    return reason;
  }
  return (await architectureOf(engine, official)) === target ? undefined : `what came is not for ${target}`;
}
