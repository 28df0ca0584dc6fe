import { visible, visibleLines } from "../problems/text.ts";

/*
 * The way to the terminal for all that a command says: hosts and engines, which are not ours, may have said a part of it.
 */

/** What a command was asked for; JSON too. */
export const print = (text: string): void => console.log(visibleLines(text));

/** What goes beside it: problems, progress. */
export const complain = (text: string): void => console.error(visibleLines(text));

/** A piece of a line. */
export const printPiece = (text: string): boolean => process.stdout.write(visibleLines(text));

/** A line of progress, in place of the one before; an empty one takes it away. Only where a person watches. */
export const rewrite = (text: string): boolean => process.stderr.write(`\r${visible(text)}\u001b[K`);
