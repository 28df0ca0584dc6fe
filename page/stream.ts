import type { ServerResponse } from "node:http";
import type { Feed, Told } from "./feed.ts";

/** Who may look at once. */
export const MAX_VIEWERS = 32;
/** How long a viewer may leave what it was sent unread. */
const SLOW_MS = 15_000;

export function isFull(feed: Feed): boolean {
  return feed.viewers >= MAX_VIEWERS;
}

/**
 * Writes what a feed tells, until the viewer has gone. To one that has not read the last message yet nothing is written; it
 * gets the newest when it has, and is let go when it does not read at all.
 */
export function stream(feed: Feed, response: ServerResponse, text: (told: Told) => string): void {
  let readAt = performance.now();
  let missed: Told | undefined;
  const write = (told: Told) => {
    missed = undefined;
    readAt = performance.now();
    response.write(text(told));
  };
  response.on("drain", () => missed !== undefined && write(missed));
  const leave = feed.watch((told) => {
    if (!response.writableNeedDrain) write(told);
    else if (performance.now() - readAt > SLOW_MS) response.destroy();
    else missed = told;
  });
  response.on("close", leave);
}
