import { expect, test } from "vitest";
import { Feed, HISTORY_MS, type Told } from "./feed.ts";
import type { Snapshot, Trouble } from "./snapshot.ts";
import { snapshot } from "./testing/snapshots.ts";

/** A feed, what its source says, and whether anybody has it look. */
function looked() {
  let tell: ((seen: Snapshot | Trouble) => void) | undefined;
  const looks = { begun: 0, ended: 0 };
  const feed = new Feed((heard) => {
    looks.begun++;
    tell = heard;
    return () => void looks.ended++;
  });
  return { feed, looks, say: (seen: Snapshot | Trouble) => tell?.(seen) };
}

test("A feed looks while somebody watches, once for all of them, and not before or after.", () => {
  const { feed, looks } = looked();
  expect(looks).toEqual({ begun: 0, ended: 0 });

  const leaveFirst = feed.watch(() => {});
  const leaveSecond = feed.watch(() => {});
  leaveFirst();
  expect(looks).toEqual({ begun: 1, ended: 0 });

  leaveSecond();
  expect(looks).toEqual({ begun: 1, ended: 1 });
});

test("Whoever comes later is told what was, and how it is.", () => {
  const { feed, say } = looked();
  feed.watch(() => {});
  const now = Date.now();
  say(snapshot(1, { at: now - 1000 }));
  say(snapshot(1, { at: now }));

  const told: Told[] = [];
  feed.watch((one) => told.push(one));

  expect(told.map(({ kind }) => kind)).toEqual(["history", "snapshot"]);
  expect(JSON.parse(told[0]?.json ?? "").map(({ at }: { at: number }) => at)).toEqual([now - 1000, now]);
});

test("Who comes back is told what was, but nothing as how it is that was seen before.", () => {
  const { feed, say } = looked();
  const leave = feed.watch(() => {});
  say(snapshot(1, { at: Date.now() }));
  say({ what: "the host is silent", fix: "look" });
  leave();

  const told: Told[] = [];
  feed.watch((one) => told.push(one));

  expect(told.map(({ kind }) => kind)).toEqual(["history"]);
  expect(JSON.parse(told[0]?.json ?? "")).toHaveLength(1);
});

test("No more is kept than is drawn, and nothing that a clock set back has left in the future.", () => {
  const { feed, say } = looked();
  feed.watch(() => {});
  const now = Date.now();
  for (const at of [now - HISTORY_MS - 5000, now - 10, now + 60_000, now - 5]) say(snapshot(1, { at }));

  const told: Told[] = [];
  feed.watch((one) => told.push(one));

  expect(JSON.parse(told[0]?.json ?? "").map(({ at }: { at: number }) => at)).toEqual([now - 10, now - 5]);
});
