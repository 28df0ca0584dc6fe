/** What a prompt costs the affinity policy: its hashes, the look-ups for each instance, the note of where it went. */

import { isUtf8 } from "node:buffer";
import {
  CACHE_WORDS,
  PrefixCache,
  PrefixTable,
  TABLE_BUCKETS,
} from "../../scheduler/instances/prefix-cache.ts";
import { prefixesOf } from "../../scheduler/instances/prefixes.ts";
import { machine, spread } from "../machine.ts";

const ROUNDS = 7;
const PROMPTS = 20_000;
const GROUPS = 500;
const BATCH = 100;

/** Each of a group begins as the others do, and stands anywhere in memory. */
function promptsOf(bytes: number): Buffer[] {
  return Array.from({ length: PROMPTS }, (_, at) => {
    const prompt = Buffer.alloc(bytes + 7, `group ${at % GROUPS} says `).subarray(at % 8, bytes + (at % 8));
    prompt.write(`user ${at}`, Math.floor(bytes / 2));
    return prompt;
  });
}

function microseconds(bytes: number, instances: number): number {
  const table = new PrefixTable(PrefixTable.allocate(TABLE_BUCKETS));
  const caches = Array.from(
    { length: instances },
    (_, id) => new PrefixCache(table, id, new Int32Array(CACHE_WORDS)),
  );
  const prompts = promptsOf(bytes);
  let spent = 0;
  const some = (batch: readonly Buffer[]) => {
    // As the body of a request is when it comes here: it has just been read.
    for (const prompt of batch) if (!isUtf8(prompt)) throw new Error("no text");
    const before = process.threadCpuUsage();
    for (const prompt of batch) {
      const prefixes = prefixesOf([prompt]);
      const found = caches.map((cache) => cache.matched(prefixes));
      caches[found.indexOf(Math.max(...found))]?.use(prefixes);
    }
    const { user, system } = process.threadCpuUsage(before);
    spent += user + system;
  };
  // The first rounds are for the compiler, and to fill the table.
  for (let round = 0; round < 4; round++) {
    spent = 0;
    for (let at = 0; at < PROMPTS; at += BATCH) some(prompts.slice(at, at + BATCH));
  }
  return spent / PROMPTS;
}

console.log(machine());
for (const bytes of [256, 4096, 32_768]) {
  for (const instances of [2, 4, 16]) {
    const values = Array.from({ length: ROUNDS }, () => microseconds(bytes, instances));
    const { median, min, max } = spread(values);
    const [middle, least, most] = [median, min, max].map((value) => value.toFixed(2));
    console.log(`${bytes} bytes, ${instances} instances: ${middle} µs of CPU a prompt (${least}–${most})`);
  }
}
