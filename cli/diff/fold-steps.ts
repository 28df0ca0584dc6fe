import { shortName } from "../../planning/short-name.ts";
import {
  type Change,
  isContainer,
  type Operation,
  type Placement,
  type PropertyChange,
} from "../differences/change.ts";
import { byInstance } from "../differences/members.ts";
import {
  asArray,
  asObject,
  containerProperties,
  differences,
  type Properties,
  propertiesOf,
} from "../differences/properties.ts";

/** A step of the engine that touches something. */
export interface Step {
  readonly operation: Operation;
  readonly name: string;
  readonly stack: string;
  /** From the outermost: `ascend-pd:index:PdDeployment`, …, the resource's own. */
  readonly types: readonly string[];
  readonly old: State;
  readonly new: State;
  /** Inputs that differ by the engine's word. */
  readonly reasons: readonly string[];
}

export interface State {
  readonly isThere: boolean;
  /** What the resource is called in it, which another name may follow. */
  readonly urn: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Name of its provider: a container's host. */
  readonly provider: string | undefined;
}

export const stackType = "pulumi:pulumi:Stack";
const containerType = "docker:index/container:Container";

const subjects: Readonly<Record<string, Change["subject"]>> = {
  "ascend-pd:index:PrefillInstance": "prefill",
  "ascend-pd:index:DecodeInstance": "decode",
  "ascend-pd:index:Scheduler": "scheduler",
  "ascend-pd:index:Host": "host",
  "ascend-pd:index:SourceImage": "image",
  "ascend-pd:index:RankTableFile": "rank table",
  "ascend-pd:index:PdDeployment": "deployment",
};

/** One change for each thing that an operator knows; its claim, gate, provider, … are parts of it. */
export function toChanges(steps: readonly Step[]): Change[] {
  const things = new Map<string, Thing & { parts: Step[] }>();
  const served = new Map(
    steps
      .filter(({ types }) => isContainer({ subject: subjects[types.at(-1) ?? ""] ?? "resource" }))
      .flatMap((step) => {
        const thing = thingOf(step, new Map());
        return [step.name, before(step).name].map((name) => [name, thing] as const);
      }),
  );
  for (const step of steps) {
    if (typeOf(step) === stackType) continue;
    const { subject, name } = thingOf(step, served);
    const key = `${subject} ${name}`;
    const thing = things.get(key) ?? { subject, name, parts: [] };
    thing.parts.push(step);
    things.set(key, thing);
  }
  const changes = [...things.values()].map(({ subject, name, parts }): Change => {
    const container = parts.find((part) => typeOf(part) === containerType);
    const drain = parts.find((part) => part.old.inputs.delete !== undefined);
    return {
      subject,
      name,
      // Parts may come and go beside a container that stays.
      operation: container?.operation ?? (isContainer({ subject }) ? "update" : operationOf(parts)),
      ...(container && formerly(container, { subject, name })),
      ...(container && placements(container, parts)),
      ...(container && drain && { drained: true }),
      properties: propertyChanges(parts),
    };
  });
  return byInstance(changes);
}

const typeOf = ({ types }: Step) => types.at(-1) ?? "";

type Thing = Pick<Change, "subject" | "name">;

/** What the engine knew a resource as: an alias lets it follow one of another name or type. */
function before({ old }: Step): Pick<Step, "types" | "name"> {
  const [, , types = "", ...name] = old.urn.split("::");
  return { types: types.split("$"), name: name.join("::") };
}

function formerly(container: Step, now: Thing): Pick<Change, "formerly"> {
  const was = before(container);
  const name = shortName(was.name, container.stack);
  const role = was.types.map((type) => subjects[type]).findLast((one) => one !== undefined);
  if (role !== "prefill" && role !== "decode") return {};
  return name === now.name && role === now.subject ? {} : { formerly: { name, role } };
}

/** `served`: the instances that steps are about, by the names of their containers. */
function thingOf(step: Step, served: ReadonlyMap<string, Thing>): Thing {
  const above = step.types.map((type) => subjects[type]).findLast((known) => known !== undefined);
  // Of what is not ours, several may have one name.
  const resource = { subject: "resource", name: `${typeOf(step)}::${step.name}` } as const;
  if (above === undefined) return resource;
  if (above === "scheduler") return { subject: above, name: "scheduler" };
  if (isContainer({ subject: above })) {
    const container = isPart(step)
      ? step.name.replace(/-(npus|ready|membership|definition)$/, "")
      : step.name;
    return { subject: above, name: shortName(container, step.stack) };
  }
  const [table] = /(?<=^local_ranktable_).+(?=\.json$)/.exec(step.name) ?? [];
  const container = table === undefined ? undefined : served.get(table);
  if (container !== undefined) return container;
  if (above === "deployment" && step.name === `${step.stack}-scheduler-announced`)
    return { subject: "scheduler", name: "scheduler" };
  // The Node image that this repository's images stand on belongs to the host that gets it.
  const [host] = /(?<=^node-on-).+/.exec(step.name) ?? [];
  if (above === "deployment" && host !== undefined) return { subject: "host", name: host };
  // Whatever else stands directly below the deployment is a thing of its own.
  if (above === "deployment" && !(typeOf(step) in subjects)) return resource;
  return { subject: above, name: step.name };
}

/** Whether it is called after the instance that it is a part of, as its claim, its gate, its membership, … are. */
const isPart = (step: Step) => /^(ascend-pd:index:NpuDevices|command:local:Command)$/.test(typeOf(step));

function operationOf(parts: readonly Step[]): Operation {
  const operations = new Set(parts.map(({ operation }) => operation));
  const [only] = operations;
  if (only !== undefined && operations.size === 1) return only;
  return operations.has("replace") ? "replace" : "update";
}

function placements(container: Step, parts: readonly Step[]): Pick<Change, "before" | "after"> {
  const plan = parts.map((part) => asObject(part.new.inputs.container)).find((plan) => "role" in plan);
  const seconds = plan?.startTimeoutSeconds;
  const limit = typeof seconds === "number" ? { startTimeoutSeconds: seconds } : {};
  return {
    ...(container.old.isThere && { before: placement(container.old) }),
    ...(container.new.isThere && { after: { ...placement(container.new), ...limit } }),
  };
}

function placement({ inputs, provider }: State): Placement {
  const paths = asArray(inputs.devices).map((device) => String(asObject(device).containerPath));
  const npus = paths.flatMap((path) => /^\/dev\/davinci(\d+)$/.exec(path)?.[1] ?? []).map(Number);
  return { host: provider ?? "?", npus };
}

/**
 * From the part that says it best: the container, else the component, which repeats what the others are made from,
 * else the rest.
 */
function propertyChanges(parts: readonly Step[]): PropertyChange[] {
  const container = parts.filter((part) => typeOf(part) === containerType);
  const components = parts.filter((part) => typeOf(part) in subjects);
  const [best] = [container, components].map(changesOf).filter((changes) => changes.length > 0);
  if (best !== undefined) return best;
  if (parts.length === 1) return changesOf(parts);
  return parts.flatMap((part) =>
    changesOf([part]).map((change) => ({ ...change, property: `${part.name}: ${change.property}` })),
  );
}

function changesOf(parts: readonly Step[]): PropertyChange[] {
  return parts.flatMap((part) => [...differencesOf(part), ...unseen(part)]);
}

function differencesOf(step: Step): PropertyChange[] {
  return differences(inputsOf(step, step.old.inputs), inputsOf(step, step.new.inputs));
}

function inputsOf(step: Step, inputs: State["inputs"]): Properties {
  if (typeOf(step) === containerType) return containerProperties(inputs);
  const { container, host, table, sha256, ...rest } = inputs;
  if (subjects[typeOf(step)] === undefined) return propertiesOf(inputs);
  if (container !== undefined) return containerProperties(asObject(container));
  return propertiesOf({ ...rest, ...asObject(host), ...asObject(table) });
}

/** Inputs that differ by the engine's word alone: a secret, or a value that is not known yet. */
function unseen(step: Step): PropertyChange[] {
  const only = (inputs: State["inputs"], name: string) => inputsOf(step, { [name]: inputs[name] });
  return [...new Set(step.reasons)]
    .sort()
    .filter((name) => differences(only(step.old.inputs, name), only(step.new.inputs, name)).length === 0)
    .map((property) => ({ property }));
}
