import { flagsIn } from "../engines/flags.ts";
import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const targetsTellMetrics: Rule = {
  code: "PD173",
  severity: "error",
  title: "with `monitoring` every instance tells its metrics without TLS",
  why: "Prometheus would ask in vain, its alerts would stay silent, and dashboards without a line would look like instances without work. An API key is no obstacle: /metrics is open.",
  source:
    "vLLM, `vllm serve --help`: `--disable-log-stats` ends metrics, `--ssl-certfile` and `--ssl-keyfile` begin TLS",
  check: (topology) => {
    if (topology.file.monitoring === undefined) return [];
    return declaredExtras(topology).flatMap(({ path, extraArgs }) =>
      flagsIn(extraArgs).flatMap(({ index, name }) => {
        const at = `${path}.extraArgs[${index}]`;
        if (path !== "scheduler" && name === "disable-log-stats") {
          const message = "--disable-log-stats leaves an instance without metrics";
          return [{ path: at, message, fix: "remove it, or take `monitoring` out" }];
        }
        const isTls = path === "scheduler" ? name === "engine-tls-ca" : /^ssl-(certfile|keyfile)$/.test(name);
        if (!isTls) return [];
        const message = `--${name} has instances asked with TLS, which this Prometheus does not speak`;
        const fix =
          "take `monitoring` out and give your own Prometheus the authority: `ascend-pd render monitoring`";
        return [{ path: at, message, fix }];
      }),
    );
  },
};
