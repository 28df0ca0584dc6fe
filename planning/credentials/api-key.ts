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
