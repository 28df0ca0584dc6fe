import { count } from "../../problems/text.ts";
import type { Topology } from "../topology.ts";
import { derivedArgs, takenFor } from "./derived-flags.ts";
import { declaredExtras, reachedFrom } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const extraArgsNotDerived: Rule = {
  code: "PD131",
  severity: "error",
  title: "`extraArgs` has no argument that is derived from other keys",
  why: "Of an argument given twice the engine takes the last, and it would no longer agree with the rank tables, the NPUs and the other instances.",
  source:
    "the manual, steps two to four: the arguments of the start command; vLLM, `vllm serve --help`: short forms, and dots",
  check: (topology) => {
    const derived = derivedArgs(topology.engine);
    return declaredExtras(topology).flatMap(({ path, extraArgs }) =>
      [...extraArgs.entries()].flatMap(([index, argument]) => {
        const [, written = "", inside] = /^(-[A-Za-z]+(?=\d)|[^=\s]*)[=\s]*(.*)$/s.exec(argument) ?? [];
        const flag = takenFor(written, derived);
        if (flag === undefined) return [];
        const value = inside || extraArgs[index + 1];
        const where = derived[flag];
        return [
          {
            path: `${path}.extraArgs[${index}]`,
            message: `${written} is derived from ${where}${ranks(topology, path, written, flag, value)}`,
            fix: `remove it here and set ${where}`,
          },
        ];
      }),
    );
  },
};

/** What a size would come to for the first instance that it does not fit; only where all NPUs are one tensor-parallel group. */
function ranks(topology: Topology, path: string, written: string, flag: string, value = ""): string {
  if (!/(size|p)$/i.test(written) || flag in topology.engine.derived.args) return "";
  const [instance] = reachedFrom(topology, path).filter(({ npus }) => npus.length > 0);
  if (instance === undefined || !/^\d+$/.test(value)) return "";
  const npus = instance.npus.length;
  const wanted = flag === "tensor-parallel-size" ? Number(value) : npus * Number(value);
  if (wanted === npus) return "";
  const product =
    flag === "tensor-parallel-size" ? value : `tensor-parallel size ${npus} × ${value} is ${wanted}`;
  return `: ${product}, while ${instance.path} has ${count(npus, "NPU")}`;
}
