/** Turns of the event loop, counted while somebody asks for one to come. */
let turn = 0;
let wanted = 0;

function count(): void {
  turn++;
  if (turn < wanted) setImmediate(count);
}

/** When the event loop will have looked at every socket once more. */
export function afterNextLook(): number {
  if (wanted <= turn) setImmediate(count);
  // It looks behind this turn's end: that of the next one is the first with a look in between.
  wanted = turn + 2;
  return wanted;
}

/** Whether it has. */
export const hasLooked = (at: number): boolean => at <= turn;
