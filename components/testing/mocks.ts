import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll } from "vitest";
import { parse } from "yaml";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";

/** A resource as the program asked the engine for it. Other resources are named by type and name: `Container x`. */
export interface Registration {
  readonly type: string;
  /** `type` in full, as Pulumi knows it. */
  readonly token: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs are JSON of any shape, and tests look deep into them
  readonly inputs: any;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly provider: string;
  readonly deleteBeforeReplace: boolean;
  readonly ignoreChanges: readonly string[];
  /** What it was, as far as the program says so. */
  readonly aliases: readonly string[];
}

/** Every registration that `program` makes, in any order. Ids are `<name>-id`, outputs equal inputs. */
export async function registrationsOf(stack: string, program: () => void): Promise<Registration[]> {
  const seen: Registration[] = [];
  await pulumi.runtime.setMocks(
    { newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: inputs }), call: () => ({}) },
    "ascend-pd",
    stack,
  );
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined) throw new Error("setMocks has set no monitor");
  const register = monitor.registerResource.bind(monitor);
  // The mocks are told inputs only; parent, dependencies and provider are in the message itself.
  monitor.registerResource = ((request: Parameters<typeof register>[0], callback: never) => {
    seen.push({
      type: shortType(request.getType()),
      token: request.getType(),
      name: request.getName(),
      inputs: request.getObject()?.toJavaScript() ?? {},
      parent: shortUrn(request.getParent()),
      dependencies: request.getDependenciesList().map(shortUrn).sort(),
      provider: shortUrn(request.getProvider()),
      deleteBeforeReplace: request.getDeletebeforereplace(),
      ignoreChanges: request.getIgnorechangesList(),
      aliases: [
        ...request.getAliasurnsList().map(shortUrn),
        ...request
          .getAliasesList()
          .map((one) => `${shortType(one.getSpec()?.getType() ?? "")} ${one.getSpec()?.getName()}`),
      ],
    });
    return register(request, callback);
  }) as typeof monitor.registerResource;
  program();
  await pulumi.runtime.disconnect();
  return seen;
}

/** `urn:pulumi:s::p::a:b:A$c:d:C::x` (and `…::id`, in a reference to a provider) → `C x` */
function shortUrn(urn: string): string {
  const [, , type = "", name = ""] = urn.split("::");
  return urn === "" ? "" : `${shortType(type)} ${name}`;
}

function shortType(type: string): string {
  return type.slice(Math.max(type.lastIndexOf(":"), type.lastIndexOf("$")) + 1);
}

/** The Plan of a stack in stacks/. */
export async function planOfStack(stack: string): Promise<Plan> {
  const { config } = parse(await readFile(resolve(root, `stacks/Pulumi.${stack}.yaml`), "utf8"));
  const result = makePlan(stack, config["ascend-pd:deployment"]);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

const root = process.cwd();

/** Image builds write to dist/ of the current folder; these tests write to one of their own. */
export function inTemporaryProject(): void {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ascend-pd-components-"));
    for (const name of ["scheduler", "simulator"]) await symlink(join(root, name), join(folder, name));
    process.chdir(folder);
  });
  afterAll(async () => {
    process.chdir(root);
    await rm(folder, { recursive: true });
  });
}
