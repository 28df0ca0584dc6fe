import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { onPath, pathForRoot, run, tryRun } from "../system/programs.ts";
import { openCache } from "./cache.ts";
import type { Context } from "./context.ts";

/** Installs packages on Debian or Ubuntu, as root, without starting their services (where systemd runs, it does). */
export async function installPackages(
  context: Context,
  packages: readonly string[],
  fix: string,
): Promise<void> {
  if ((await onPath("apt-get")) === undefined) {
    throw new FixableError(`${packages.join(", ")} must be installed, and this is no Debian or Ubuntu`, fix);
  }
  await openCache(context);
  const folder = await mkdtemp(join(context.cacheDir, "install-"));
  try {
    // Packages start their service with invoke-rc.d. Without systemd nothing would keep it running, and where the
    // start fails (containers) the package stays half installed; systemd starts it by other means.
    await writeFile(join(folder, "invoke-rc.d"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const settings = ["-o", "DPkg::Lock::Timeout=300", "-o", `DPkg::Path=${folder}:${pathForRoot()}`];
    const install = [...settings, "install", "-y", "--no-install-recommends", ...packages];
    const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, fix };
    if ((await tryRun("apt-get", install, options)).code !== 0) {
      await run("apt-get", [...settings, "update"], options);
      await run("apt-get", install, options);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
