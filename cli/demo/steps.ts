import type { ResourceStep } from "../pulumi.ts";

/** One line for people about a step of the engine, or undefined where a line would say nothing. */
export function describeStep({ op, type, name, state }: ResourceStep): string | undefined {
  if (state === "failed") return `failed: ${name}`;
  const words = phrases[type]?.(name);
  if (words === undefined) return undefined;
  const { create, created, deleted } = words;
  const isCreate = op === "create" || op === "create-replacement";
  const isDelete = op === "delete" || op === "delete-replaced";
  if (state === "started") return isCreate ? create : undefined;
  if (isCreate) return created;
  if (isDelete) return deleted;
  return undefined;
}

interface Phrases {
  readonly create?: string | undefined;
  readonly created?: string | undefined;
  readonly deleted?: string | undefined;
}

const phrases: Record<string, (name: string) => Phrases> = {
  "docker:index/remoteImage:RemoteImage": (name) => ({
    create: `building image ${name}`,
    created: `image ${name} is built`,
    deleted: `image ${name} is removed`,
  }),
  "docker:index/container:Container": (name) => ({
    created: `${name} is started`,
    deleted: `${name} is stopped and removed`,
  }),
  "command:local:Command": (name) => {
    if (name.endsWith("-first-completion"))
      return { created: "a first completion came back through the scheduler" };
    if (name.endsWith("-ready")) return { created: `${name.slice(0, -"-ready".length)} answers` };
    if (name.startsWith("node-on-"))
      return { created: `${name.slice("node-on-".length)} has Node to build on` };
    if (name.startsWith("vllm-on-")) return { created: `${name.slice("vllm-on-".length)} has vLLM's image` };
    return {};
  },
};
