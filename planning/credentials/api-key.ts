import { createHash } from "node:crypto";

/** What a client's key is called, and whether what its requests say of their own treatment counts. */
export interface NamedKey {
  readonly name: string;
  readonly trusted: boolean;
}

export const keyName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Not a client's: the administration's own key has it. */
export const operatorName = "operator";

/**
 * A line of the scheduler's --api-keys-file. A fast hash is right for what nobody can guess: a slow one would make guessing
 * dearer, of which there is no hope, and each request.
 */
export function keyLine({ name, trusted }: NamedKey, key: string): string {
  const hash = createHash("sha256").update(key).digest("hex");
  return `${name} sha256:${hash}${trusted ? " trusted" : ""}\n`;
}
