import { createHash } from "node:crypto";

/** A line of the scheduler's file of keys; the name `operator` is the administration's. */
export const keyLine =
  /^(?!operator )[A-Za-z0-9][A-Za-z0-9._-]{0,62} sha256:[0-9a-f]{64}( trusted)?( share=[1-9]\d{0,2})?( priority=-?\d{1,3})?$/;

/**
 * The line of a key. A fast hash is right for what nobody can guess: a slow one would make guessing dearer, of which there
 * is no hope, and each request.
 */
export function keyLineOf(name: string, words: readonly string[], key: string): string {
  const hash = createHash("sha256").update(key).digest("hex");
  return [name, `sha256:${hash}`, ...words].join(" ");
}

/** Whether all keys of a name have one share and one priority, without which the scheduler refuses their file. */
export function isOneTreatmentAName(lines: readonly string[]): boolean {
  const number = (line: string, word: string, otherwise: number) =>
    Number(new RegExp(` ${word}=(-?\\d+)`).exec(line)?.[1] ?? otherwise);
  const treatment = (line: string) => `${number(line, "share", 1)} ${number(line, "priority", 0)}`;
  return [...Map.groupBy(lines, (line) => line.split(" ")[0]).values()].every(
    (own) => new Set(own.map(treatment)).size === 1,
  );
}
