/** A generation of NPUs, by what npu-smi calls one. */
export interface Generation {
  readonly name: string;
  /** What keeps a stack from running there; absent where nothing is known to. */
  readonly lacks?: string;
}

const known: readonly (Generation & { readonly is: RegExp })[] = [
  {
    is: /^310P/i,
    name: "310P",
    lacks: "it has no network port of its own, by which prefill hands KV cache to decode",
  },
  { is: /^310/, name: "310", lacks: "no engine of a stack runs on it" },
  { is: /^950/, name: "Ascend 950", lacks: "it has no /dev/devmm_svm, which every container is given here" },
  // Plain 910B is a 910 of the first generation; 910B1 and up are A2.
  { is: /^910(A|B$|Pro|Premium)/i, name: "910A", lacks: "no engine of a stack runs on it" },
  { is: /^910B\d/i, name: "A2" },
  { is: /^910(C|_?93|$)/i, name: "A3" },
];

export function generationOf(name: string): Generation | undefined {
  return known.find(({ is }) => is.test(name.replace(/^Ascend\s*/i, "")));
}
