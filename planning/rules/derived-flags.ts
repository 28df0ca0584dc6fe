import type { Engine, Places } from "../engines/engine.ts";

/** Every flag that a stack file's other keys decide, with which ones. */
export const derivedArgs = ({ derived }: Engine): Places => ({ ...places, ...derived.args });

const instances = "the number of instances in `prefill` and `decode`";

const places: Places = {
  model: "model.path",
  "served-model-name": "model.servedName",
  "max-model-len": "model.maxModelLen",
  "max-num-seqs": "model.maxNumSeqs",
  "max-num-batched-tokens": "model.maxNumBatchedTokens",
  quantization: "model.quantization",
  "tensor-parallel-size": "the number of `devices`",
  "pipeline-parallel-size": "the number of `devices`",
  "prefill-context-parallel-size": "the number of `devices`",
  "data-parallel-size": instances,
  headless: "`hosts` of an instance",
  nnodes: "the one `host` of an instance",
  "node-rank": "the one `host` of an instance",
  "master-addr": "the one `host` of an instance",
  host: "the `address` of its host",
  port: "its `port`",
  "prefill-batching-policy": "`batchingPolicy` of a prefill instance",
  "prefill-routing-policy": "scheduler.routingPolicy",
  role: "the list that declares it, `prefill` or `decode`",
};

const shortForms = {
  tp: "tensor-parallel-size",
  pp: "pipeline-parallel-size",
  pcp: "prefill-context-parallel-size",
  ep: "enable-expert-parallel",
  q: "quantization",
  n: "nnodes",
  r: "node-rank",
};

/**
 * The derived flag that vLLM takes `written` for: it reads `_` as `-`, any beginning of a flag as that flag, and what
 * follows a dot as a key of the flag's JSON. Of the short forms also what people write for them: `--tp`, `-TP`,
 * `--dp-size`. All that is said of data parallelism (`-dpl`, `--data-parallel-rank`) goes with its size.
 */
export function takenFor(written: string, derived: Places): string | undefined {
  const [, dashes, name = ""] = /^(--?)([A-Za-z][\w-]*)(?:\.|$)/.exec(written) ?? [];
  if (dashes === undefined) return undefined;
  const word = name.replaceAll("_", "-").replace(/^no-(?=.)/, "");
  if (/^(dp[a-z]?(-size)?|data-parallel-.+)$/i.test(word)) return "data-parallel-size";
  const short = Object.entries(shortForms).find(
    ([form]) =>
      form === word.toLowerCase().replace(/-size$/, "") ||
      (form.length === 1 && dashes === "-" && word.startsWith(form)),
  )?.[1];
  if (short !== undefined && short in derived) return short;
  if (dashes === "-") return undefined;
  return word in derived ? word : Object.keys(derived).find((flag) => flag.startsWith(word));
}
