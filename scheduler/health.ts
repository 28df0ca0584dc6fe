import { askWhole } from "./ask.ts";
import type { Deadlines } from "./deadlines.ts";
import { engineRequest } from "./engine-request.ts";
import { Failure } from "./errors.ts";
import type { Instance } from "./instances.ts";
import { StopSignal } from "./stop-signal.ts";

const MAX_ANSWER_BYTES = 64 * 1024;
/** One lost answer is not an outage. */
const FAILURES_TO_EJECT = 2;

export interface HealthLimits {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Keeps `healthy` of every instance up to date by asking for its /health. Returns what ends it. */
export function watchHealth(
  instances: readonly Instance[],
  deadlines: Deadlines,
  limits: HealthLimits,
  changed: (instance: Instance) => void,
): () => void {
  const ends = instances.map((instance) => watch(instance, deadlines, limits, changed));
  return () => {
    for (const end of ends) end();
  };
}

function watch(
  instance: Instance,
  deadlines: Deadlines,
  { intervalMs, timeoutMs }: HealthLimits,
  changed: (instance: Instance) => void,
): () => void {
  const stop = new StopSignal();
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  async function probe(): Promise<void> {
    const request = engineRequest(instance, "/health", "health", []);
    const well = await askWhole(
      { instance, request, deadlines, limitMs: timeoutMs, stop },
      MAX_ANSWER_BYTES,
    ).then(
      () => true,
      () => false,
    );
    if (stop.failure !== undefined) return;
    failures = well ? 0 : failures + 1;
    const healthy = well || (instance.healthy && failures < FAILURES_TO_EJECT);
    if (healthy !== instance.healthy) {
      instance.healthy = healthy;
      changed(instance);
    }
    timer = setTimeout(probe, intervalMs).unref();
  }

  void probe();
  return () => {
    stop.stop(new Failure("shutting_down"));
    clearTimeout(timer);
  };
}
