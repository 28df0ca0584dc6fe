import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onPath, run } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Context } from "./context.ts";

export const UV_FIX = "uv needs PyPI or a mirror of it, as UV_DEFAULT_INDEX names one";

/** A Python that has `packages` (`openai==3.57.0`) and what they need, from PyPI. Throws a FixableError. */
export async function pythonWith(context: Context, packages: readonly string[]): Promise<string> {
  const digest = createHash("sha256").update(packages.join()).digest("hex").slice(0, 16);
  const venv = await cached(context, `python/${digest}`, async (folder) => {
    context.say(`installing ${packages.join(", ")} from PyPI, done once`);
    await withUv(async (uv) => {
      await run(uv, ["venv", "--quiet", "--relocatable", "--allow-existing", folder]);
      const place = ["--python", join(folder, "bin/python")];
      await run(uv, ["pip", "install", "--quiet", ...place, ...packages], { fix: UV_FIX });
    });
  });
  return join(venv, "bin/python");
}

/** uv of this machine, else one from PyPI that is gone afterwards. */
export async function withUv<T>(body: (uv: string) => Promise<T>): Promise<T> {
  const uv = await onPath("uv");
  if (uv !== undefined) return body(uv);
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-uv-"));
  try {
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin/pip"), ["install", "--quiet", "uv"]);
    return await body(join(folder, "bin/uv"));
  } finally {
    await rm(folder, { recursive: true });
  }
}
