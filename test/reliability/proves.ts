import { beforeAll, expect, test } from "vitest";
import { type Cell, titleOf } from "./cells.ts";
import { expected, type Outcome } from "./expected.ts";
import { play } from "./play.ts";

/** Cells that are played at once: most of their time they wait. */
const AT_ONCE = 12;

/** A test for each cell; all of them are played before the first. */
export function proves(cells: readonly Cell[]): void {
  const played = new Map<Cell, Outcome | Error>();

  beforeAll(async () => {
    const waiting = [...cells];
    const play1 = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        played.set(next, await play(next).catch((error: Error) => error));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, play1));
  }, 1_200_000);

  test.for(cells.map((cell) => [titleOf(cell), cell] as const))("%s", ([, cell]) => {
    const seen = played.get(cell);
    if (seen instanceof Error) throw seen;
    expect(seen).toEqual(expected(cell));
  });
}
