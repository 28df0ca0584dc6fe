import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdir, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../system/programs.ts";
import type { Context } from "../context.ts";
import { layOut, unpackPackages } from "../debian-root.ts";
import type { Architecture } from "../node-digests.ts";
import { withUv } from "../python-packages.ts";
import { installVllm, overrides, packages, VLLM } from "./packages.ts";

/** Python, what vLLM's own libraries ask for, and lscpu, which it runs by a shell. */
const debianPackages = ["python3", "libnuma1", "libstdc++6", "util-linux", "dash"];

const modelScript = join(import.meta.dirname, "model.py");

/** Where the tiny model lies in the image. */
const modelFolder = "models/tiny";

/** Engines are processes that read it anew, and start nothing of their own. */
const launcher = `#!/usr/bin/python3
import sys
if __name__ == "__main__":
    from vllm.entrypoints.cli.main import main
    sys.exit(main())
`;

/** What the image is called: another content has another name. */
export function vllmImageName(): string {
  const recipe = [...debianPackages, ...packages, overrides, launcher, readFileSync(modelScript, "utf8")];
  const hash = createHash("sha256").update(JSON.stringify(recipe)).digest("hex");
  return `ascend-pd/vllm:${VLLM}-${hash.slice(0, 12)}`;
}

/** Makes `<folder>/root`: Python from Debian packages, vLLM and NIXL from PyPI, and a tiny model with random weights. */
export async function assembleVllmRoot(
  context: Context,
  architecture: Architecture,
  folder: string,
): Promise<void> {
  const root = join(folder, "root");
  const state = join(folder, "apt");
  await layOut(root);
  await mkdir(join(root, "root"));
  await chmod(join(root, "tmp"), 0o1777);
  await unpackPackages(root, state, architecture, debianPackages);
  await rm(state, { recursive: true });

  const python = await readlink(join(root, "usr/bin/python3"));
  const site = join(root, "usr/local/lib", python, "dist-packages");
  context.say("installing vLLM from PyPI");
  await withUv(context, (uv) =>
    installVllm(uv, site, ["--target", site, "--python-version", python.replace("python", "")]),
  );
  const program = join(root, "usr/local/bin/vllm");
  await writeFile(program, launcher);
  await chmod(program, 0o755);

  context.say("making a tiny model");
  const model = join(root, modelFolder);
  await mkdir(model, { recursive: true });
  await runInRoot(root, architecture, python, [modelScript, model]);
}

/** Python of the root, with the root's libraries, as a program of this machine. */
async function runInRoot(
  root: string,
  architecture: Architecture,
  python: string,
  args: readonly string[],
): Promise<void> {
  const [loader, triplet] =
    architecture === "amd64"
      ? ["lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu"]
      : ["lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu"];
  const libraries = ["usr/lib", "lib"].map((folder) => join(root, folder, triplet)).join(":");
  const env = { PATH: process.env.PATH, PYTHONHOME: join(root, "usr") };
  await run(join(root, loader), ["--library-path", libraries, join(root, "usr/bin", python), ...args], {
    env,
  });
}
