import type { Policy, ResourceValidation, StackValidation } from "@pulumi/policy";

/** What every policy says of itself; docs/policies.md shows it. */
export type PolicyTexts<List extends string = string> = Required<
  Pick<Policy, "name" | "description" | "remediationSteps">
> & {
  /** What else a user can allow, by the name of the list in the pack's configuration. */
  readonly lists?: Readonly<Record<List, string>>;
};

export type ResourcePolicy = PolicyTexts & { readonly validateResource: ResourceValidation };

export type StackPolicy = PolicyTexts & { readonly validateStack: StackValidation };

/** What the pack's configuration allows besides. */
export type Also<List extends string> = Readonly<Record<List, readonly string[]>>;

/** Every list that a policy has, empty where the configuration is silent. */
export function alsoOf<List extends string>(
  { lists }: PolicyTexts<List>,
  args: { getConfig<T extends object>(): T },
): Also<List> {
  const configured = args.getConfig<Partial<Record<string, readonly string[]>>>();
  const names = Object.keys(lists ?? {});
  return Object.fromEntries(names.map((name) => [name, configured[name] ?? []])) as Also<List>;
}
