import type { EngineAddress } from "../../docker/api.ts";
import { engineOf } from "../../hosts/engine.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Choice, Context } from "../../toolchain/context.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe, say } from "./main.ts";

/** A probe that has a host's engine hold an image, by `ensure`; a failure names the host. */
export function putImage(
  name: "assembled-image" | "node-image",
  ensure: (context: Context, engine: EngineAddress) => Promise<Choice>,
): Promise<void> {
  return runProbe(async () => {
    const { host } = probeArguments(name);
    const context: Context = { cacheDir: defaultCacheDir(), say };
    const { chosen, why } = await ensure(context, engineOf(host)).catch((error: unknown) => {
      throw error instanceof FixableError
        ? new FixableError(`${host.name}: ${error.message}`, error.fix)
        : error;
    });
    return `${chosen} on ${host.name}: ${why}`;
  });
}
