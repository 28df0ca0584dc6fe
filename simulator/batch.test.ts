import fc from "fast-check";
import { expect, test } from "vitest";
import { Batch, type Slot } from "./batch.ts";
import { KvLedger } from "./kv-ledger.ts";

const never = new AbortController().signal;

/** A batch whose `enter` records who got in, in which order. */
function observed(maxNumSeqs: number, maxNumBatchedTokens: number, kvBlocks: number) {
  const kv = new KvLedger(kvBlocks);
  const batch = new Batch({ maxNumSeqs, maxNumBatchedTokens }, kv);
  const entered: [name: number, slot: Slot][] = [];
  const enter = (name: number, blocks: number, prefillTokens: number) =>
    batch
      .enter({ blockCount: blocks, prefillTokens, contents: [], blockSize: 16 }, never)
      .then((slot) => entered.push([name, slot]));
  return { kv, batch, entered, enter };
}

const settle = () => new Promise(setImmediate);

test("Prompts beyond max-num-batched-tokens wait until those before them are computed.", async () => {
  const { batch, entered, enter } = observed(10, 100, 10);
  for (const name of [0, 1, 2]) void enter(name, 1, 50);
  await settle();
  const before = entered.map(([name]) => name);
  const [, slot] = entered[0] ?? [];

  if (slot !== undefined) batch.prefillDone(slot);
  await settle();

  expect(before).toEqual([0, 1]);
  expect(entered.map(([name]) => name)).toEqual([0, 1, 2]);
  expect([batch.running, batch.waiting]).toEqual([3, 0]);
});

test("Whoever comes, sequences enter in their order, within the limits, and all of them in the end.", async () => {
  const wanted = fc.record({ blocks: fc.integer({ min: 1, max: 8 }), tokens: fc.nat(20), leaves: fc.nat(5) });
  await fc.assert(
    fc.asyncProperty(fc.array(wanted, { maxLength: 30 }), async (sequences) => {
      const { kv, batch, entered, enter } = observed(3, 20, 8);
      const inside: Slot[] = [];
      const leave = async (index: number) => {
        const [slot] = inside.splice(index % Math.max(1, inside.length), 1);
        if (slot === undefined) return;
        kv.release(slot.blocks);
        batch.leave(slot);
        await admitted();
      };
      const admitted = async () => {
        await settle();
        inside.push(...entered.slice(seen).map(([, slot]) => slot));
        seen = entered.length;
        expect(batch.running).toBe(inside.length);
        expect(inside.length).toBeLessThanOrEqual(3);
        expect(inside.reduce((sum, slot) => sum + slot.prefillTokens, 0)).toBeLessThanOrEqual(20);
      };
      let seen = 0;

      for (const [name, { blocks, tokens, leaves }] of sequences.entries()) {
        void enter(name, blocks, tokens);
        await admitted();
        if (leaves < 3) await leave(leaves);
      }
      while (inside.length > 0) await leave(0);

      expect(entered.map(([name]) => name)).toEqual(sequences.map((_, name) => name));
      expect([batch.waiting, batch.running, kv.free]).toEqual([0, 0, 8]);
    }),
  );
});
