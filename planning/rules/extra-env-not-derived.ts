import { derivedArgs, takenFor } from "./derived-flags.ts";
import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const extraEnvNotDerived: Rule = {
  code: "PD132",
  severity: "error",
  title: "`extraEnv` and `secretEnv` have no variable that is derived from other keys",
  why: "These values must agree over all containers, and NPUs are numbered from 0 in a container that sees only its own.",
  source:
    "the manual, steps two to four: the variables of the start command; CANN, `ASCEND_RT_VISIBLE_DEVICES`",
  check: (topology) => {
    const ofInstances = new Map([...places, ...Object.entries(topology.engine.derived.env)]);
    const args = derivedArgs(topology.engine);
    return declaredExtras(topology).flatMap(({ path, extraEnv, secretEnv }) => {
      const isOfScheduler = path === "scheduler";
      const named = Object.keys(extraEnv).map((name) => ({ name, at: `${path}.extraEnv.${name}` }));
      const secret = secretEnv.map((name, index) => ({ name, at: `${path}.secretEnv[${index}]` }));
      return [...named, ...secret].flatMap(({ name, at }) => {
        const own = isOfScheduler ? (places.get(name) ?? proxyPlaces.get(name)) : ofInstances.get(name);
        const place = own ?? args[takenFor(flagLike(name) ?? "", args) ?? ""];
        if (place === undefined) return [];
        const message = `${name} is derived from ${place}`;
        return [{ path: at, message, fix: `remove it here and set ${place}` }];
      });
    });
  },
};

const places = new Map([
  ["GLOBAL_RANK_TABLE_FILE_PATH", "`hosts`, `prefill`, `decode` and `scheduler`"],
  ["RANK_TABLE_FILE_PATH", "`hosts`, `prefill`, `decode` and `scheduler`"],
  ["RANK_TABLE_FILE", "`hosts`, `prefill`, `decode` and `scheduler`"],
  ["NODE_PORTS", "the `port` of each instance"],
  ["USE_OPENAI", "scheduler.useOpenai"],
  ["ASCEND_RT_VISIBLE_DEVICES", "the `devices` of each instance"],
  ["ASCEND_VISIBLE_DEVICES", "the `devices` of each instance"],
]);

/** Derived for the scheduler alone. */
const proxyPlaces = new Map([
  ["no_proxy", "scheduler.noProxy"],
  ["NO_PROXY", "scheduler.noProxy"],
]);

/** The flag for which a variable like `VLLM_DP_SIZE` or `TP_SIZE` stands. */
function flagLike(variable: string): string | undefined {
  if (/^VLLM_DP_[A-Z_]+$/.test(variable)) return "--dp";
  const words = /^(?:VLLM_)?([TPD]P|[TPD]P_SIZE|(?:TENSOR|PIPELINE|DATA)_PARALLEL_SIZE)$/.exec(variable)?.[1];
  return words && `--${words.toLowerCase()}`;
}
