import type { ParseArgsConfig } from "node:util";
import { parseOptions } from "../command.ts";
import { UserError } from "../user-error.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * `parseArgs` that also takes lists as the manual's tool does: `--prefill-server-list 0,1 2,3`. A list ends at the
 * next option and may be empty, which a script's unset variable makes it.
 */
export function parseWithLists<T extends Options, List extends string>(
  args: readonly string[],
  options: T,
  listNames: readonly List[],
) {
  const isList = (name: string): name is List => listNames.some((list) => list === name);
  const separate = args.flatMap((arg) => {
    const [, name, value] = /^--([a-z-]+)=(.*)$/s.exec(arg) ?? [];
    return name !== undefined && value !== undefined && isList(name) ? [`--${name}`, value] : [arg];
  });
  const flags = Object.fromEntries(listNames.map((name) => [name, { type: "boolean" } as const]));
  const { values, tokens } = parseOptions(separate, { ...flags, ...options });
  const lists = new Map<List, string[]>();
  let current: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (current === undefined)
        throw new UserError(`unexpected ${token.value}\nfix: --help shows what there is`);
      current.push(token.value);
    } else if (token.kind === "option") {
      current = isList(token.name) ? [] : undefined;
      if (!isList(token.name) || current === undefined) continue;
      if (lists.has(token.name)) {
        throw new UserError(
          `--${token.name} is there twice\nfix: give it once, with spaces between its values`,
        );
      }
      lists.set(token.name, current);
    }
  }
  return { values, list: (name: List): readonly string[] => lists.get(name) ?? [] };
}
