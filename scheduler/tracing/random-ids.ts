import { randomFillSync } from "node:crypto";

/** So many are drawn at once: each draw by itself costs more than what is drawn. */
const POOL = Buffer.alloc(4096);
let used = POOL.length;

/** `bytes` as hexadecimal digits, at least one of which is not 0. */
export function randomId(bytes: 8 | 16): string {
  for (;;) {
    if (used + bytes > POOL.length) {
      randomFillSync(POOL);
      used = 0;
    }
    used += bytes;
    const id = POOL.toString("hex", used - bytes, used);
    if (/[^0]/.test(id)) return id;
  }
}
