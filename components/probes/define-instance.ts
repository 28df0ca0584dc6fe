import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

// All members of an instance over several hosts hang on what this prints, so that all are deleted before one is made anew.
await runProbe(async () => probeArguments("define-instance").definition);
