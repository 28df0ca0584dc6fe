import { Failure } from "../errors.ts";
import type { relayPlain } from "./relay.ts";

/** How often an instance is looked at. */
const LOOK_MS = 500;

/**
 * `relay`, failing as a time-out when its answer has not begun within `ms` and its instance is known to have made no token
 * for any client for as long. A plain answer gives no sign of life before it is whole: what else the instance does, does.
 */
export function whileTokensCome(relay: typeof relayPlain, ms: number): typeof relayPlain {
  return async (question, reply, gapMs) => {
    const { instance, deadlines, stop } = question;
    let { heard } = instance;
    const limit = deadlines.arm(ms, () => {
      if (reply.started) return;
      // What is known comes a little later than what is heard.
      const isHeard = heard !== instance.heard;
      heard = instance.heard;
      if (isHeard) limit.extend(ms);
      else if (instance.tokenlessMs < ms) limit.extend(LOOK_MS);
      else stop.stop(new Failure(`${instance.role}_timeout`, { detail: "it makes no token for any client" }));
    });
    try {
      await relay(question, reply, gapMs);
    } finally {
      limit.clear();
    }
  };
}
