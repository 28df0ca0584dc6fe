import fc from "fast-check";
import { expect, test } from "vitest";
import { Account, FAULTS } from "./account.ts";

const THREADS = 3;

/** One instance's account as each of the threads has it. */
function accounts(): Account[] {
  const memory = Account.allocate(THREADS);
  return [0, 1, 2].map((thread) => new Account(memory, { threads: THREADS, thread }));
}

const thread = fc.nat(THREADS - 1);
const requests = fc.array(fc.record({ thread, bytes: fc.nat(2 ** 31 - 1), over: fc.boolean() }));

test("What each thread counts, all see as one sum.", () => {
  fc.assert(
    fc.property(requests, thread, (history, reader) => {
      const all = accounts();

      for (const { thread, bytes, over } of history) {
        all[thread]?.begin(bytes);
        if (over) all[thread]?.end(bytes);
      }

      const seen = all[reader];
      const running = history.filter(({ over }) => !over);
      const largest = Math.max(0, ...running.map(({ bytes }) => bytes));
      expect(seen?.inFlight).toBe(running.length);
      expect(seen?.idle).toBe(running.length === 0);
      expect(seen?.sent).toEqual({
        requests: history.length,
        bytes: history.reduce((sum, { bytes }) => sum + bytes, 0),
      });
      expect(seen?.largestPrompt).toBeGreaterThan(largest);
      expect(seen?.largestPrompt).toBeLessThanOrEqual(Math.max(1, 2 * largest));
    }),
  );
});

test("What a dead thread had running is taken out, what it has done is not, and others' stays.", () => {
  fc.assert(
    fc.property(requests, thread, (history, dead) => {
      const all = accounts();
      for (const { thread, bytes } of history) {
        all[thread]?.begin(bytes);
        all[thread]?.holdKv();
        all[thread]?.serve();
      }

      all[0]?.takeOut(dead);

      const left = history.filter((request) => request.thread !== dead).length;
      expect(all.map(({ inFlight, kvHeld, served }) => [inFlight, kvHeld, served])).toEqual(
        all.map(() => [left, left, history.length]),
      );
    }),
  );
});

test("Flags are told apart, and only a healthy one that has no other gets requests.", () => {
  for (const healthy of [false, true]) {
    for (const stalled of [false, true]) {
      for (const draining of [false, true]) {
        const [writer, reader] = accounts();
        if (writer === undefined || reader === undefined) throw new Error("no accounts");

        Object.assign(writer, { healthy: true, stalled: true, draining: true });
        Object.assign(writer, { healthy, stalled, draining });

        const { ready } = reader;
        expect([reader.healthy, reader.stalled, reader.draining]).toEqual([healthy, stalled, draining]);
        expect(ready).toBe(healthy && !stalled && !draining);
      }
    }
  }
});

test("Faults are counted by kind, and a load is there until it is taken back.", () => {
  const [writer, reader] = accounts();

  writer?.fail("timeout");
  const before = reader?.load;
  if (writer !== undefined) writer.load = { waiting: 3, freeKvTokens: Number.NaN };
  writer?.begin(100);
  if (writer !== undefined) writer.sentBefore = writer.sent;
  reader?.begin(40);

  expect(FAULTS.map((fault) => reader?.faults(fault))).toEqual([0, 0, 1]);
  expect([before, reader?.load]).toEqual([undefined, { waiting: 3, freeKvTokens: Number.NaN }]);
  expect(reader?.sentSince).toEqual({ requests: 1, bytes: 40 });
});

test("Handoffs are counted by the place of their prefill instance, over all threads, up to the last place that there is.", () => {
  const memory = Account.allocate(3);
  const [first, third] = [0, 2].map((thread) => new Account(memory, { threads: 3, thread }));

  for (const place of [0, 7, 7, 255, 256]) first?.takeOver(place);
  third?.takeOver(7);
  first?.begin(100);

  const seen = new Account(memory, { threads: 3, thread: 1 });
  expect([0, 1, 7, 255, 256, 263].map((place) => seen.handedFrom(place))).toEqual([1, 0, 3, 1, 0, 0]);
  expect([seen.inFlight, seen.healthy]).toEqual([1, false]);
});

test("Streams are timed by how many there were and how long all took.", () => {
  const memory = Account.allocate(2);
  const [one, other] = [0, 1].map((thread) => new Account(memory, { threads: 2, thread }));

  one?.first(20.5);
  other?.first(40);
  other?.pace(300, 30);

  expect(one?.firsts).toEqual({ count: 2, ms: 60.5 });
  expect(one?.paces).toEqual({ count: 30, ms: 300 });
});

test("Each thread counts handoffs in cells of its own, so that two at a time lose none.", () => {
  const memory = Account.allocate(2);
  const written = () => new Uint32Array(memory).filter((cell) => cell === 1).length;
  const before = written();

  for (const thread of [0, 1]) new Account(memory, { threads: 2, thread }).takeOver(7);

  expect(written() - before).toBe(2);
});
