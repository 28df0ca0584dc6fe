import type { Deployment } from "../stack-file/schema.ts";

/** Every place that adds arguments and variables to what is derived. */
export function declaredExtras({ engine, prefill, decode, scheduler }: Deployment) {
  return [
    { path: "engine", ...extras(engine), secretEnv: engine.secretEnv },
    ...prefill.map((instance, index) => ({ path: `prefill[${index}]`, ...extras(instance) })),
    ...decode.map((instance, index) => ({ path: `decode[${index}]`, ...extras(instance) })),
    { path: "scheduler", ...extras(scheduler), secretEnv: scheduler.secretEnv },
  ];
}

const extras = ({ extraArgs, extraEnv }: Pick<Deployment["scheduler"], "extraArgs" | "extraEnv">) => ({
  extraArgs,
  extraEnv,
  secretEnv: [] as readonly string[],
});
