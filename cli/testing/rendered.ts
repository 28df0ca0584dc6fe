import fc from "fast-check";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import { put, sampleInput } from "../../planning/testing/sample-input.ts";

/** The Plan of the sample of two hosts, changed: `{ "decode[0].port": 8091 }`. */
export function samplePlan(changes: Readonly<Record<string, unknown>> = {}): Plan {
  const input = sampleInput();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  const result = makePlan("two", input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

export function hostOf(plan: Plan, name = "host-a"): HostPlan {
  const host = plan.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the Plan has no ${name}`);
  return host;
}

const special = [
  "'",
  '"',
  "`",
  "$",
  "{x}",
  "$(id)",
  "\\",
  "\n",
  "\r",
  ",",
  "=",
  "#",
  "%",
  "*",
  "~",
  "!",
  "&",
  ";",
];

/** Text that means something to a shell, to CSV, YAML, Compose, Mermaid or XML, or looks like an option. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...special,
        " ",
        "-",
        "--privileged",
        "<b>",
        "]]>",
        "EOF",
        "yes",
        "0644",
        "2024-01-01",
        "#quot;",
      ),
      fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((pieces) => pieces.join("").replaceAll("\0", ""))
  .filter((text) => text !== "");

const texts = fc.array(hostileText, { minLength: 1, maxLength: 4 });

/** The sample with hostile text wherever a Plan has text that no rule makes harmless. */
export const hostilePlan: fc.Arbitrary<Plan> = fc
  .record({
    image: hostileText,
    command: texts,
    values: texts,
    sources: texts,
    contents: texts,
    user: fc.option(hostileText, { nil: undefined }),
    sharedMemoryMib: fc.option(fc.constant(1024), { nil: undefined }),
    memoryMib: fc.option(fc.constant(2112), { nil: undefined }),
    ipc: fc.constantFrom("host" as const, undefined),
    ulimits: fc.option(fc.constant({ memlock: -1, nofile: 65536 }), { nil: undefined }),
    restricted: fc.boolean(),
  })
  .map(
    ({
      image,
      command,
      values,
      sources,
      contents,
      user,
      sharedMemoryMib,
      memoryMib,
      ipc,
      ulimits,
      restricted,
    }) => {
      const plan = samplePlan();
      const containers = plan.containers.map(
        ({ user: _, memoryMib: __, ...container }): ContainerPlan => ({
          ...container,
          image: { kind: "reference", name: image },
          command: [...command, container.name],
          env: Object.fromEntries(values.map((value, index) => [`V${index}`, value])),
          mounts: sources.map((source, index) => ({
            source: `/${source}`,
            target: `/mnt/${index}${source}`,
            readOnly: index % 2 === 0,
          })),
          // The first is the same in all containers, the others differ.
          files: contents.map((content, index) => ({
            path: `/etc/a b/${index}'s`,
            content: index === 0 ? content : content + container.name,
          })),
          ...(user !== undefined && { user }),
          ...(sharedMemoryMib !== undefined && { sharedMemoryMib }),
          ...(memoryMib !== undefined && { memoryMib }),
          ...(ipc && { ipc }),
          ...(ulimits && { ulimits }),
          restricted,
        }),
      );
      return { ...plan, containers };
    },
  );

/** The sample with hostile names and addresses of hosts and containers, as no rule lets them pass. */
export const hostileNames: fc.Arbitrary<Plan> = fc
  .record({
    stack: hostileText,
    host: hostileText,
    address: hostileText,
    name: hostileText,
    endpoint: hostileText,
  })
  .map(({ stack, host, address, name, endpoint }) => {
    const plan = samplePlan();
    const renamed = (original: string) => `${original}${host}`;
    return {
      ...plan,
      stack,
      endpoint,
      hosts: plan.hosts.map((one) => ({ ...one, name: renamed(one.name), address })),
      containers: plan.containers.map((one, index) => ({
        ...one,
        name: `${name}${index}`,
        host: renamed(one.host),
      })),
    };
  });
