import type { Answer } from "../client/reply.ts";
import type { Instance } from "../instances/instances.ts";

/** How often an instance is looked at. */
const LOOK_MS = 500;

/**
 * For a plain answer, which gives no sign of life before it is whole: what else its instance does, does. To be asked when
 * it has not come within `firstTokenMs`, and whenever the time is over that it gives then: none when the instance is known
 * to have made no token for any client for as long, or `answerMs` are over.
 */
export function patience(
  instance: Instance,
  answer: Answer,
  { firstTokenMs, answerMs }: { readonly firstTokenMs: number; readonly answerMs: number },
): () => number {
  const end = performance.now() + answerMs;
  let { heard } = instance;
  return () => {
    if (answer.started) return 0;
    // What is known comes a little later than what is heard.
    const isHeard = heard !== instance.heard;
    heard = instance.heard;
    const more = isHeard ? firstTokenMs : instance.tokenlessMs < firstTokenMs ? LOOK_MS : 0;
    return Math.min(more, end - performance.now());
  };
}
