import type { Problem } from "../plan.ts";
import type { Topology } from "../topology.ts";
import { npuUsedOnce } from "./npu-used-once.ts";
import { portUsedOnce } from "./port-used-once.ts";
import type { Rule } from "./rule.ts";

/** Every rule, in the order of the codes, which is the order in which problems are shown. */
export const rules: readonly Rule[] = [npuUsedOnce, portUsedOnce];

/** Everything that `topology` breaks and its stack file does not allow. */
export function applyRules(topology: Topology): Problem[] {
  const allowed: readonly string[] = topology.file.allow;
  return rules
    .filter(({ code, waivable }) => !(waivable && allowed.includes(code)))
    .flatMap(({ code, severity, waivable, check }) =>
      check(topology).map(({ path, message, fix }) => {
        const waiver = waivable ? `; if this is meant, add ${code} to \`allow\`` : "";
        return { code, severity, path, message, fix: `${fix}${waiver}` };
      }),
    );
}
