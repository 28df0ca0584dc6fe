/** The name of a container, or of what is called after one, without the stack's: what the stack file calls it. */
export function shortName(name: string, stack: string): string {
  return name.startsWith(`${stack}-`) ? name.slice(stack.length + 1) : name;
}
