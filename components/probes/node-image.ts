import { type Context, defaultCacheDir } from "../../toolchain/context.ts";
import { ensureNodeImage } from "../../toolchain/node-image.ts";
import { probeArguments } from "./arguments.ts";
import { engineOf } from "./docker.ts";
import { runProbe } from "./main.ts";

await runProbe(async () => {
  const { host } = probeArguments("node-image");
  const context: Context = { cacheDir: defaultCacheDir(), say: console.log };
  const { choice } = await ensureNodeImage(context, engineOf(host));
  return `${choice.chosen} on ${host.name}: ${choice.why}`;
});
