import fc from "fast-check";
import { expect, test } from "vitest";
import { KvLedger } from "./kv-ledger.ts";

const kv = { promptHash: "", sampleHash: "", content: "", blocks: [] };
const lease = (blocks: readonly number[]) => ({ blocks, kv, params: new Map<string, string>() });

const step = fc.record({
  kind: fc.constantFrom("allocate", "release", "hold", "end"),
  pick: fc.nat(20),
  prompt: fc.array(fc.nat(1), { maxLength: 6 }),
});
/** What the blocks of a prompt have: each its part and all before it. */
const contentsOf = (prompt: readonly number[]) => prompt.map((_, at) => prompt.slice(0, at + 1).join(""));

test("Under any interleaving a block is free or held, shared only for what it has, and all are free in the end.", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 200 }), (total, steps) => {
      const ledger = new KvLedger(total);
      const running: (readonly number[])[] = [];
      const leases = new Map<string, readonly number[]>();
      const has = new Map<number, string>();
      const held = () => new Set([...running, ...leases.values()].flat());

      for (const [index, { kind, pick, prompt }] of steps.entries()) {
        if (kind === "allocate") {
          const contents = contentsOf(prompt).slice(0, pick);
          const there = ledger.cached(contents);
          const used = held();
          const allocated = ledger.allocate(pick, contents);
          if (allocated === undefined) {
            expect(pick - there).toBeGreaterThan(total - used.size - there);
            continue;
          }
          const { blocks, cached } = allocated;
          expect([blocks.length, new Set(blocks).size, cached]).toEqual([pick, pick, there]);
          expect(blocks.slice(0, cached).map((block) => has.get(block))).toEqual(contents.slice(0, cached));
          expect(blocks.slice(cached).filter((block) => used.has(block))).toEqual([]);
          for (const [at, block] of blocks.entries()) has.set(block, contents[at] ?? "");
          running.push(blocks);
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
        expect(ledger.free).toBe(total - held().size);
        expect(ledger.leased).toBe(new Set([...leases.values()].flat()).size);
      }

      for (const blocks of running) ledger.release(blocks);
      for (const id of leases.keys()) ledger.endLease(id);
      expect(ledger.free).toBe(total);
    }),
  );
});

test("What was freed first is given away first, of one sequence its end before its beginning.", () => {
  const ledger = new KvLedger(6);
  const take = (count: number, ...contents: string[]) => ledger.allocate(count, contents)?.blocks ?? [];
  const [old, young] = [take(3, "a", "ab", "abc"), take(2, "x", "xy")];
  ledger.release(old);
  ledger.release(young);

  // One that never had anything, then "abc" and "ab".
  take(3);

  expect([ledger.cached(["a", "ab", "abc"]), ledger.cached(["x", "xy"])]).toEqual([1, 2]);
});

test("What is used again is not given away before what was freed since.", () => {
  const ledger = new KvLedger(3);
  const take = (content: string) => ledger.allocate(1, [content]) ?? { blocks: [], cached: 0 };
  for (const content of ["a", "b", "c", "a"]) ledger.release(take(content).blocks);

  take("d");

  expect(["a", "b", "c"].map((content) => ledger.cached([content]))).toEqual([1, 0, 1]);
});

test("Freeing a block twice is an error, not a second free block.", () => {
  const ledger = new KvLedger(2);
  const { blocks } = ledger.allocate(1) ?? { blocks: [] };
  ledger.release(blocks);

  expect(() => ledger.release(blocks)).toThrow("KV block 0 was freed twice");
  expect(ledger.free).toBe(2);
});

test("A lease ends once.", () => {
  const ledger = new KvLedger(2);
  ledger.hold("a", lease(ledger.allocate(2)?.blocks ?? []));

  expect([ledger.endLease("a"), ledger.endLease("a")]).toEqual([true, false]);
});
