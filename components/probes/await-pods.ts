import { findAccess } from "../../cluster/access.ts";
import { titleOf } from "../../cluster/objects.ts";
import { untilReady } from "../../cluster/rollout.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

await runProbe(async () => {
  const { context, object, timeoutSeconds } = probeArguments("await-pods");
  await untilReady(await findAccess(context), object, timeoutSeconds);
  return `${titleOf(object)} ready`;
});
