import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { onPath, run, tryRun } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Context } from "./context.ts";
import { installPackages } from "./debian-packages.ts";

/** To get the others by. */
const UV = "uv==0.13.9";

export const UV_FIX = "uv needs PyPI or a mirror of it, as UV_DEFAULT_INDEX names one";

/** A Python that has `packages` (`openai==3.57.0`) and what they need, from PyPI. Throws a FixableError. */
export async function pythonWith(context: Context, packages: readonly string[]): Promise<string> {
  const digest = createHash("sha256").update(packages.join()).digest("hex").slice(0, 16);
  const venv = await cached(context, `python/${digest}`, async (folder) => {
    context.say(`installing ${packages.join(", ")} from PyPI, done once`);
    await withUv(context, async (uv) => {
      await run(uv, ["venv", "--quiet", "--relocatable", "--allow-existing", folder]);
      const place = ["--python", join(folder, "bin/python")];
      await run(uv, ["pip", "install", "--quiet", ...place, ...packages], { fix: UV_FIX });
    });
  });
  return join(venv, "bin/python");
}

/** uv of this machine, else one from PyPI that is gone afterwards. Throws a FixableError. */
export async function withUv<T>(context: Context, body: (uv: string) => Promise<T>): Promise<T> {
  const uv = await onPath("uv");
  if (uv !== undefined) return body(uv);
  await ensureVenv(context);
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-uv-"));
  try {
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin/pip"), ["install", "--quiet", UV], { fix: UV_FIX });
    return await body(join(folder, "bin/uv"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Debian and Ubuntu have what `python3 -m venv` needs in a package of its own. */
async function ensureVenv(context: Context): Promise<void> {
  if ((await tryRun("python3", ["-c", "import ensurepip, venv"])).code === 0) return;
  const fix = "install uv, or Python 3 with venv (on Debian: sudo apt-get install python3-venv)";
  if (process.geteuid?.() !== 0)
    throw new FixableError("No uv is on the PATH, nor a python3 that has venv to get it by", fix);
  context.say(
    "installing the package python3-venv, because this machine has no uv, nor a python3 that has venv",
  );
  await installPackages(context, ["python3-venv"], fix);
}
