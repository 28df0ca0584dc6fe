import { text } from "node:stream/consumers";
import { findAccess } from "../../cluster/access.ts";
import { apply } from "../../cluster/apply.ts";
import { titleOf } from "../../cluster/objects.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

await runProbe(async () => {
  const { context, object } = probeArguments("apply-object");
  await apply(await findAccess(context), JSON.parse(await text(process.stdin)));
  return `${titleOf(object)} applied`;
});
