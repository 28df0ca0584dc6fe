import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const extraArgsNotDerived: Rule = {
  code: "PD131",
  severity: "error",
  title: "`extraArgs` has no argument that is derived from other keys",
  why: "Of an argument given twice the engine takes the last, and it would no longer agree with the rank tables and the other instances.",
  source: "the manual, steps two to four: the arguments of the start command",
  check: (topology) =>
    declaredExtras(topology).flatMap(({ path, extraArgs }) =>
      [...extraArgs.entries()].flatMap(([index, argument]) => {
        const [written = ""] = argument.split("=");
        const flag = derivedFlag(written);
        if (flag === undefined) return [];
        const where = places[flag];
        return [
          {
            path: `${path}.extraArgs[${index}]`,
            message: `${written} is derived from ${where}`,
            fix: `remove it here and set ${where}`,
          },
        ];
      }),
    ),
};

const places: Readonly<Record<string, string>> = {
  model: "model.path",
  "served-model-name": "model.servedName",
  "max-model-len": "model.maxModelLen",
  "max-num-seqs": "model.maxNumSeqs",
  "max-num-batched-tokens": "model.maxNumBatchedTokens",
  quantization: "model.quantization",
  "tensor-parallel-size": "the number of `devices`",
  "pipeline-parallel-size": "the number of `devices`",
  host: "the `address` of its host",
  port: "its `port`",
  "prefill-batching-policy": "`batchingPolicy` of a prefill instance",
  "prefill-routing-policy": "scheduler.routingPolicy",
  role: "the list that declares it, `prefill` or `decode`",
};

const shortForms = { "-tp": "tensor-parallel-size", "-pp": "pipeline-parallel-size", "-q": "quantization" };

/** What vLLM takes `written` for: it reads `_` as `-`, and any beginning of a flag as that flag. */
function derivedFlag(written: string): string | undefined {
  const long = /^--(\w[\w-]*)$/.exec(written)?.[1]?.replaceAll("_", "-");
  if (long !== undefined) {
    return long in places ? long : Object.keys(places).find((flag) => flag.startsWith(long));
  }
  return Object.entries(shortForms).find(([short]) => written.startsWith(short))?.[1];
}
