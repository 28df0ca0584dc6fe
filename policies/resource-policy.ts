import type { ContainerArgs } from "@pulumi/docker";
import type { ResourceValidationArgs, UnknownValueError } from "@pulumi/policy";
import type { Unwrap } from "@pulumi/pulumi";
import { type Known, knownWhenRead } from "./known.ts";
import { type Also, alsoOf, type PolicyTexts, type ResourcePolicy } from "./policy.ts";

/** A resource of a stack, without what is not known yet. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly props: Known<Record<string, unknown>>;
  /** Names of its inputs, known or not. */
  readonly inputs: readonly string[];
  /** Whether all that has been read of it is known: else what is missing may be there. */
  readonly isKnown: () => boolean;
}

/** The inputs of a container, without what is not known yet. */
export type ContainerInputs = Known<Unwrap<ContainerArgs>>;

export const containerType = "docker:index/container:Container";

/**
 * A policy on every resource: `check` says, after the resource's name, what is wrong with it. Where it finds nothing in
 * what is known, but has looked at what is not, the engine says so in the preview, and asks again during `up`.
 */
export function resourcePolicy<List extends string>(
  texts: PolicyTexts<List>,
  check: (resource: Resource, also: Also<List>) => readonly string[],
): ResourcePolicy {
  return {
    ...texts,
    validateResource: (args, reportViolation) => {
      const unknown: UnknownValueError[] = [];
      const violations = check(resourceOf(args, unknown), alsoOf(texts, args));
      for (const violation of violations) reportViolation(`${args.name} ${violation}`);
      if (violations.length === 0 && unknown[0] !== undefined) throw unknown[0];
    },
  };
}

const resourceOf = (
  { type, name, props }: ResourceValidationArgs,
  unknown: UnknownValueError[],
): Resource => ({
  type,
  name,
  props: knownWhenRead(props, unknown),
  inputs: Object.keys(props),
  isKnown: () => unknown.length === 0,
});

/** The same on every container. */
export const containerPolicy = <List extends string>(
  texts: PolicyTexts<List>,
  check: (container: ContainerInputs, also: Also<List>) => readonly string[],
): ResourcePolicy =>
  resourcePolicy(texts, ({ type, props }, also) =>
    type === containerType ? check(props as ContainerInputs, also) : [],
  );
