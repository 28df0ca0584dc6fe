import { Container, type ContainerArgs } from "@pulumi/docker";
import { validateResourceOfType } from "@pulumi/policy";
import type { Unwrap } from "@pulumi/pulumi";
import { type Known, known } from "./known.ts";
import type { PolicyTexts, ResourcePolicy } from "./policy.ts";

/** The inputs of a container, without what is not known yet. */
export type ContainerInputs = Known<Unwrap<ContainerArgs>>;

/** A policy on every container: `check` says, after the container's name, what is wrong with it. */
export function containerPolicy(
  texts: PolicyTexts,
  check: (container: ContainerInputs) => string[],
): ResourcePolicy {
  return {
    ...texts,
    validateResource: validateResourceOfType(Container, (container, { name }, reportViolation) => {
      for (const violation of check(known(container))) reportViolation(`${name} ${violation}`);
    }),
  };
}
