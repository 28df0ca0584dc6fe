import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { callEngine, type EngineAddress, expectEngine } from "../docker/api.ts";
import { onPath, run } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Context } from "./context.ts";
import { layOut, unpackPackages } from "./debian-root.ts";

/** What tests hold dashboards and alert rules to. */
export interface Prometheus {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Those on the PATH, or of Debian's package, unpacked into the cache; the machine's own packages are left alone. */
export async function ensurePrometheus(context: Context): Promise<Prometheus> {
  const [prometheus, promtool] = await Promise.all(["prometheus", "promtool"].map((name) => onPath(name)));
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const bin = join(await prometheusRoot(context), "usr/bin");
  return { prometheus: join(bin, "prometheus"), promtool: join(bin, "promtool") };
}

/** Made here, for tests: users name one of a registry. */
export const prometheusImage = "ascend-pd/prometheus:debian";

/** As the published image has it: its own user, who owns /prometheus. */
const changes = ['ENTRYPOINT ["/usr/bin/prometheus"]', "USER 65534:65534", "ENV PATH=/usr/bin"];

/** Has the engine, which is of this machine's architecture, hold `prometheusImage`. */
export async function ensurePrometheusImage(context: Context, engine: EngineAddress): Promise<void> {
  if ((await callEngine(engine, `/images/${prometheusImage}/json`)).status === 200) return;
  const root = await prometheusRoot(context);
  const [repo = "", tag = ""] = prometheusImage.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo, tag });
  for (const change of changes) query.append("changes", change);
  context.say(`importing ${prometheusImage} into the Docker Engine`);
  await expectEngine(engine, `/images/create?${query}`, {
    method: "POST",
    tar: createReadStream(join(root, "../image.tar"), { highWaterMark: 1024 * 1024 }),
  });
}

/** A root with Prometheus and all that it loads; beside it the same as an archive. */
async function prometheusRoot(context: Context): Promise<string> {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const folder = await cached(context, `prometheus/debian-${architecture}`, async (partial) => {
    context.say("unpacking Debian's package prometheus, once: 30 MB of downloads");
    const [root, state] = [join(partial, "root"), join(partial, "apt")];
    await layOut(root);
    await mkdir(join(root, "prometheus"));
    await unpackPackages(root, state, architecture, ["prometheus"]);
    await rm(state, { recursive: true });
    const archive = ["-f", join(partial, "image.tar"), "--numeric-owner", "-C", root];
    await run("tar", ["-c", ...archive, "--owner=0", "--group=0", "--exclude=./prometheus", "."]);
    await run("tar", ["-r", ...archive, "--owner=65534", "--group=65534", "./prometheus"]);
  });
  return join(folder, "root");
}
