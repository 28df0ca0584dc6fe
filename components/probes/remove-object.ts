import { findAccess } from "../../cluster/access.ts";
import { remove } from "../../cluster/apply.ts";
import { titleOf } from "../../cluster/objects.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

await runProbe(async () => {
  const { context, object, timeoutSeconds } = probeArguments("remove-object");
  await remove(await findAccess(context), object, timeoutSeconds);
  return `${titleOf(object)} is gone`;
});
