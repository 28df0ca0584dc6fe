import { findAccess } from "../../cluster/access.ts";
import { titleOf } from "../../cluster/objects.ts";
import { renew } from "../../cluster/rollout.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

await runProbe(async () => {
  const { context, object, timeoutSeconds } = probeArguments("renew-pods");
  const renewed = await renew(await findAccess(context), object, timeoutSeconds);
  return `${titleOf(object)}: ${renewed === 0 ? "no pod is out of date" : "its pod is made anew"}`;
});
