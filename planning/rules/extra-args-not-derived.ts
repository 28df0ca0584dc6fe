import type { Places } from "../engines/engine.ts";
import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const extraArgsNotDerived: Rule = {
  code: "PD131",
  severity: "error",
  title: "`extraArgs` has no argument that is derived from other keys",
  why: "Of an argument given twice the engine takes the last, and it would no longer agree with the rank tables and the other instances.",
  source:
    "the manual, steps two to four: the arguments of the start command; vLLM, `vllm serve --help`: short forms, and dots",
  check: (topology) =>
    declaredExtras(topology).flatMap(({ path, extraArgs }) =>
      [...extraArgs.entries()].flatMap(([index, argument]) => {
        const [written = ""] = argument.split("=");
        const derived = { ...places, ...topology.engine.derived.args };
        const flag = derivedFlag(written, derived);
        if (flag === undefined) return [];
        const where = derived[flag];
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

const places: Places = {
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

const shortForms = {
  "-tp": "tensor-parallel-size",
  "-pp": "pipeline-parallel-size",
  "-dp": "data-parallel-size",
  "-pcp": "prefill-context-parallel-size",
  "-ep": "enable-expert-parallel",
  "-q": "quantization",
};

/**
 * What vLLM takes `written` for: it reads `_` as `-`, any beginning of a flag as that flag, `no-` before one as its
 * opposite, and what follows a dot as a key of the flag's JSON.
 */
function derivedFlag(written: string, derived: Places): string | undefined {
  const long = /^--(\w[\w-]*)(\.|$)/
    .exec(written)?.[1]
    ?.replaceAll("_", "-")
    .replace(/^no-(?=.)/, "");
  if (long !== undefined) {
    return long in derived ? long : Object.keys(derived).find((flag) => flag.startsWith(long));
  }
  return Object.entries(shortForms).find(
    ([short, flag]) => written.startsWith(short) && flag in derived,
  )?.[1];
}
