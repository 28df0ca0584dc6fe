import { trustAlso } from "../../hosts/trusted-authority.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";
import { untilReady } from "./ready.ts";

await runProbe(async () => {
  const args = probeArguments("await-ready");
  trustAlso(args.ca);
  await untilReady(args);
  return `${args.container} ready`;
});
