import {
  type PolicyProviderResource,
  type PolicyResource,
  type ResourceValidationArgs,
  unknownCheckingProxy,
} from "@pulumi/policy";
import type { ResourcePolicy, StackPolicy } from "../policy.ts";
import { containerType } from "../resource-policy.ts";

/** In the place of a value: what the engine sends in a preview when it does not know the value yet. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A resource as the engine shows it to a policy: a container unless `type` says otherwise; `config` is the policy's. */
export function resource(
  name: string,
  props: object,
  type = containerType,
  config: object = {},
): ResourceValidationArgs {
  return {
    type,
    name,
    props: unknownCheckingProxy({ ...(type === containerType && { name }), ...props }),
    urn: `urn:pulumi:test::ascend-pd::${type}::${name}`,
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      additionalSecretOutputs: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
    },
    stackTags: new Map(),
    isType: (resourceClass) => Reflect.get(resourceClass, "__pulumiType") === type,
    asType: () => undefined,
    getConfig: <T>() => config as T,
    notApplicable: () => {
      throw new NotApplicable();
    },
  };
}

class NotApplicable extends Error {}

/** What a policy reports about one resource. */
export async function violationsOf(
  { validateResource }: ResourcePolicy,
  args: ResourceValidationArgs,
): Promise<string[]> {
  const violations: string[] = [];
  try {
    await validateResource(args, (message) => violations.push(message));
  } catch (error) {
    if (!(error instanceof NotApplicable)) throw error;
  }
  return violations;
}

/** A resource of a stack, with the inputs of its provider if it has one of its own. */
export interface StackResource {
  readonly args: ResourceValidationArgs;
  readonly provider?: { readonly name: string; readonly host?: string };
}

/** What a policy reports about a stack of these resources, each on the engine that its provider names. */
export async function stackViolationsOf(
  { validateStack }: StackPolicy,
  resources: readonly StackResource[],
  config: object = {},
): Promise<{ message: string; urn: string | undefined }[]> {
  const violations: { message: string; urn: string | undefined }[] = [];
  await validateStack(
    {
      resources: resources.map(({ args, provider }): PolicyResource => {
        const stackResource = { ...args, dependencies: [], propertyDependencies: {} };
        return provider === undefined
          ? stackResource
          : { ...stackResource, provider: dockerProvider(provider) };
      }),
      stackTags: new Map(),
      getConfig: <T>() => config as T,
      notApplicable: () => {
        throw new NotApplicable();
      },
    },
    (message, urn) => violations.push({ message, urn }),
  );
  return violations;
}

function dockerProvider({ name, ...props }: NonNullable<StackResource["provider"]>): PolicyProviderResource {
  return { type: "pulumi:providers:docker", name, props, urn: `urn:provider::${name}` };
}
