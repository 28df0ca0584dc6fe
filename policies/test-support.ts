import { Container } from "@pulumi/docker";
import type {
  PolicyProviderResource,
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";

const containerType = "docker:index/container:Container";

/** A resource as the engine shows it to a policy: a container unless `type` says otherwise. */
export function resource(name: string, props: object, type = containerType): ResourceValidationArgs {
  return {
    type,
    name,
    props: { name, ...props },
    urn: `urn:pulumi:test::ascend-pd::${type}::${name}`,
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      additionalSecretOutputs: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
    },
    stackTags: new Map(),
    isType: (resourceClass) => resourceClass.name === Container.name && type === containerType,
    asType: () => undefined,
    getConfig: <T>() => ({}) as T,
    notApplicable: () => {
      throw new NotApplicable();
    },
  };
}

class NotApplicable extends Error {}

/** What a policy reports about one resource. */
export async function violationsOf(
  { validateResource }: ResourceValidationPolicy,
  args: ResourceValidationArgs,
): Promise<string[]> {
  const violations: string[] = [];
  for (const validate of [validateResource].flat()) {
    try {
      await validate?.(args, (message) => violations.push(message));
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
    }
  }
  return violations;
}

/** What a policy reports about a stack of these resources, each on the host whose provider it names. */
export async function stackViolationsOf(
  { validateStack }: StackValidationPolicy,
  resources: readonly { args: ResourceValidationArgs; host?: string }[],
): Promise<{ message: string; urn: string | undefined }[]> {
  const violations: { message: string; urn: string | undefined }[] = [];
  await validateStack(
    {
      resources: resources.map(({ args, host }): PolicyResource => {
        const stackResource = { ...args, dependencies: [], propertyDependencies: {} };
        return host === undefined ? stackResource : { ...stackResource, provider: provider(host) };
      }),
      stackTags: new Map(),
      getConfig: <T>() => ({}) as T,
      notApplicable: () => {
        throw new NotApplicable();
      },
    },
    (message, urn) => violations.push({ message, urn }),
  );
  return violations;
}

function provider(name: string): PolicyProviderResource {
  return { type: "pulumi:providers:docker", name, props: {}, urn: `urn:provider::${name}` };
}
