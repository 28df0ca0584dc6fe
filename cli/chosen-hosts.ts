import { UserError } from "./user-error.ts";

/** The hosts that `--host` names, each once, or all of them. */
export function chosenHosts<T extends { readonly name: string }>(
  stack: string,
  hosts: readonly T[],
  names: readonly string[],
): readonly T[] {
  const unknown = names.find((name) => !hosts.some((host) => host.name === name));
  if (unknown !== undefined) {
    const known = hosts.map(({ name }) => name).join(", ");
    throw new UserError(`${stack} has no host ${unknown}\nfix: --host and one of: ${known}`);
  }
  return names.length === 0 ? hosts : hosts.filter(({ name }) => names.includes(name));
}
