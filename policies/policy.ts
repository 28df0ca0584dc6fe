import type { Policy, ResourceValidation, StackValidation } from "@pulumi/policy";

/** What every policy says of itself; docs/policies.md shows it. */
export type PolicyTexts = Required<Pick<Policy, "name" | "description" | "remediationSteps">>;

export type ResourcePolicy = PolicyTexts & { readonly validateResource: ResourceValidation };

export type StackPolicy = PolicyTexts & { readonly validateStack: StackValidation };
