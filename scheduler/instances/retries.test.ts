import fc from "fast-check";
import { expect, test } from "vitest";
import { ask, PLAIN, post } from "../testing/client.ts";
import { answerJson, type Script } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";
import { RetryBudget } from "./retries.ts";

test("However requests and retries come: at most as many as requests, and ten, are retried.", () => {
  const step = fc.record({ asked: fc.nat(20), wanted: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new RetryBudget();
      let [asked, retried] = [0, 0];
      for (const one of steps) {
        for (let at = 0; at < one.asked; at++) budget.earn();
        asked += one.asked;
        for (let at = 0; at < one.wanted; at++) if (budget.spend()) retried++;

        expect(retried).toBeLessThanOrEqual(10 + asked);
      }
    }),
  );
});

test("Where half are busy, each request finds one that is not.", () => {
  const budget = new RetryBudget();

  const retried = Array.from({ length: 1000 }, (_, at) => {
    budget.earn();
    return at % 2 === 0 ? budget.spend() : true;
  });

  expect(retried).not.toContain(false);
});

test("Where all engines are busy, they are not asked ever more often by those who try another one.", async () => {
  const busy: Script = (call) =>
    answerJson(
      call,
      '{"error":{"message":"busy, try on a different instance","type":"Service Unavailable"}}',
      "503 Busy",
    );
  const one = await startRig({ prefill: [busy, busy, busy, busy, busy] });
  const COUNT = 60;

  const statuses = new Set<number>();
  for (let at = 0; at < COUNT; at++) statuses.add((await ask(one.port, post(PLAIN))).status);

  const asked = one.prefill.reduce((sum, { calls }) => sum + calls.length, 0);
  expect(statuses).toEqual(new Set([503]));
  // Without a budget each would be asked by each: 300 times.
  expect(asked).toBeGreaterThan(2 * COUNT);
  expect(asked).toBeLessThan(3 * COUNT);
});
