import { performance } from "node:perf_hooks";

const { nodeTiming } = performance;

/** Which turn of its event loop a thread is in. Counted by the loop itself: nobody has it turn for that. */
const turn = (): number => nodeTiming.uvMetricsInfo.loopCount;

/**
 * The turn in which the event loop will have looked at every socket once more, and told what came. What it tells in the next
 * turn is in no order.
 */
export const afterNextLook = (): number => turn() + 2;

/** Whether it has. */
export const hasLooked = (at: number): boolean => at <= turn();
