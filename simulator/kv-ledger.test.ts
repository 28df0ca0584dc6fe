import fc from "fast-check";
import { expect, test } from "vitest";
import { KvLedger } from "./kv-ledger.ts";

const kv = { promptHash: "", sampleHash: "", content: "", blocks: [] };
const lease = (blocks: readonly number[]) => ({ blocks, kv, params: new Map<string, string>() });

const step = fc.record({ kind: fc.constantFrom("allocate", "release", "hold", "end"), pick: fc.nat(20) });

test("Under any interleaving each block has one holder, and all are free in the end.", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 200 }), (total, steps) => {
      const ledger = new KvLedger(total);
      const running: (readonly number[])[] = [];
      const leases = new Map<string, readonly number[]>();

      for (const [index, { kind, pick }] of steps.entries()) {
        if (kind === "allocate") {
          const expected = pick <= ledger.free;
          const blocks = ledger.allocate(pick);
          expect(blocks?.length).toBe(expected ? pick : undefined);
          if (blocks !== undefined) running.push(blocks);
        } else if (kind === "end") {
          const id = [...leases.keys()][pick % Math.max(1, leases.size)] ?? "none";
          expect(ledger.endLease(id)).toBe(leases.delete(id));
        } else {
          const [blocks] = running.splice(pick % Math.max(1, running.length), 1);
          if (blocks === undefined) continue;
          if (kind === "release") ledger.release(blocks);
          else {
            ledger.hold(`${index}`, lease(blocks));
            leases.set(`${index}`, blocks);
          }
        }
        const held = [...running, ...leases.values()].flat();
        expect(new Set(held).size).toBe(held.length);
        expect(ledger.free).toBe(total - held.length);
        expect(ledger.leased).toBe([...leases.values()].flat().length);
      }

      for (const blocks of running) ledger.release(blocks);
      for (const id of leases.keys()) ledger.endLease(id);
      expect(ledger.free).toBe(total);
    }),
  );
});

test("Freeing a block twice is an error, not a second free block.", () => {
  const ledger = new KvLedger(2);
  const blocks = ledger.allocate(1) ?? [];
  ledger.release(blocks);

  expect(() => ledger.release(blocks)).toThrow("KV block 0 was freed twice");
  expect(ledger.free).toBe(2);
});

test("A lease ends once.", () => {
  const ledger = new KvLedger(2);
  ledger.hold("a", lease(ledger.allocate(2) ?? []));

  expect([ledger.endLease("a"), ledger.endLease("a")]).toEqual([true, false]);
});
