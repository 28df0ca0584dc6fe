import { engineOf } from "../../hosts/engine.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { ensureVllmImage } from "../../toolchain/vllm/image.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe, say } from "./main.ts";

await runProbe(async () => {
  const { host } = probeArguments("assembled-image");
  const context: Context = { cacheDir: defaultCacheDir(), say };
  const choice = await ensureVllmImage(context, engineOf(host)).catch((error: unknown) => {
    throw error instanceof FixableError
      ? new FixableError(`${host.name}: ${error.message}`, error.fix)
      : error;
  });
  return `${choice.chosen} on ${host.name}: ${choice.why}`;
});
