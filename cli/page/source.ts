import { setTimeout as sleep } from "node:timers/promises";
import type { Administered } from "../../hosts/administered.ts";
import { followInContainer } from "../../hosts/administration.ts";
import type { Source } from "../../page/feed.ts";
import type { Plan } from "../../planning/plan.ts";
import { readSnapshot, withPlan } from "./with-plan.ts";

/** Between two times that a scheduler is asked which has not answered. */
const AGAIN_MS = 2000;

/** Has a stack's scheduler tell what there is to see as long as somebody looks, from inside its container. */
export const lookingAt =
  (plan: Plan, scheduler: Administered): Source =>
  (tell) => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const { container, host } = scheduler;
    const hear = (line: string) => {
      if (signal.aborted) return;
      const seen = readSnapshot(line);
      if (seen !== undefined) return tell(withPlan(seen, plan));
      const what = `${container} on ${host.name} says what this version does not understand`;
      tell({ what, fix: `\`pulumi up --stack ${plan.stack}\` gives it this version's scheduler` });
    };
    const watch = async () => {
      while (!signal.aborted) {
        const why = await followInContainer(scheduler, "/watch", hear, signal);
        if (signal.aborted) return;
        const what = `${container} on ${host.name} tells nothing: ${why}`;
        tell({ what, fix: `\`ascend-pd status ${plan.stack}\` says how it is` });
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    };
    void watch();
    return () => leaving.abort();
  };
