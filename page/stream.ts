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
 * Writes what a feed tells, until the viewer has gone. One that has not read the last message misses the next, so that no
 * more than one waits, and one that does not read at all is let go.
 */
export function stream(feed: Feed, response: ServerResponse, text: (told: Told) => string): void {
  let readAt = performance.now();
  const leave = feed.watch((told) => {
    if (!response.writableNeedDrain) {
      readAt = performance.now();
      response.write(text(told));
    } else if (performance.now() - readAt > SLOW_MS) response.destroy();
  });
  response.on("close", leave);
}
