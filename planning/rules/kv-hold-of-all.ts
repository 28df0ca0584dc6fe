import { kvHold } from "../engines/vllm-ascend.ts";
import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

/** What the scheduler takes, a day. */
const longest = 86_400;

export const kvHoldOfAll: Rule = {
  code: "PD135",
  severity: "error",
  title: `\`${kvHold.variable}\` is a number of seconds for all instances (vllm-ascend)`,
  why: "It is how long prefill keeps what no decode instance fetches. The scheduler is told the same: it counts what is held, and a drain waits that long.",
  source: "vLLM, `vllm/envs.py`: whole seconds, 480 unless it is set",
  check: (topology) => {
    if (topology.engine.mooncake === undefined) return [];
    return declaredExtras(topology).flatMap(({ path, extraEnv }) => {
      const seconds = extraEnv[kvHold.variable];
      if (seconds === undefined || path === "scheduler") return [];
      const at = `${path}.extraEnv.${kvHold.variable}`;
      if (path !== "engine") {
        const message = `${path} alone would keep KV caches for another time than the scheduler is told`;
        return [{ path: at, message, fix: "set it in engine.extraEnv" }];
      }
      if (/^[1-9]\d*$/.test(seconds) && Number(seconds) <= longest) return [];
      const message = `"${seconds}" is not a whole number of seconds from 1 to ${longest}`;
      return [{ path: at, message, fix: "set one, or remove it: 480 is the default" }];
    });
  },
};
