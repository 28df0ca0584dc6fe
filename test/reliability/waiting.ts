import { setTimeout as sleep } from "node:timers/promises";

/** For anything that a cell waits for: only what hangs reaches it. */
export const LIMIT_MS = 240_000;
const POLL_MS = 100;

/** Looks again and again; gives what it sees. */
export async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`never came: ${look}`);
    await sleep(POLL_MS);
  }
}

export async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${LIMIT_MS} ms: ${what}`)), LIMIT_MS);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}
