import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { isClone, repositoryDir } from "../../toolchain/repository.ts";
import { UserError } from "../user-error.ts";

export const hasProject = (folder: string): boolean => existsSync(join(folder, "Pulumi.yaml"));

/** A first line for a stack file of a project in which editors find the schema. */
export const schemaLine = `# yaml-language-server: $schema=../${isClone ? "" : "node_modules/ascend-pd/lib/"}schemas/stack.schema.json`;

/** A stack that runs on any machine with a Docker Engine. */
export function simulatedStack(): string {
  const sample = readFileSync(join(repositoryDir, "stacks/Pulumi.sim-1p1d.yaml"), "utf8");
  return sample.replace(/^# yaml-language-server: .*$/m, schemaLine);
}

/**
 * What a project needs beside stack files, by path. A package.json that is there gets what it lacks; throws UserError
 * where a program of the project's own would be in the way.
 */
export function projectFiles(folder: string): Map<string, string> {
  if (existsSync(join(folder, "index.ts")))
    throw new UserError(`index.ts is there, and no Pulumi.yaml\nfix: run this in an empty folder`);
  return new Map([
    ["package.json", packageJson(folder)],
    ["Pulumi.yaml", pulumiYaml(folder)],
    ["index.ts", program],
    ...(existsSync(join(folder, ".gitignore")) ? [] : [[".gitignore", "node_modules/\n"] as const]),
  ]);
}

export function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

const program = `import { deploy } from "ascend-pd";

// It gives \`deployment\` too: what depends on that starts once a completion came back through the scheduler.
export const { endpoint, model, containers } = await deploy();
`;

const pulumiYaml = (folder: string): string => `name: ${nameOf(folder)}
description: PD-separated large-model inference on Ascend NPUs
runtime:
  name: nodejs
  options:
    # Node 24 runs TypeScript as it is.
    typescript: false
    packagemanager: npm
main: index.ts
stackConfigDir: stacks
`;

function packageJson(folder: string): string {
  const file = join(folder, "package.json");
  const given = existsSync(file)
    ? parsed(readFileSync(file, "utf8"))
    : { name: nameOf(folder), private: true };
  if (given.type === "commonjs")
    throw new UserError(
      `package.json says "type": "commonjs"\nfix: the program is an ES module: run this in an empty folder`,
    );
  const { version, dependencies } = manifest;
  const whole = {
    ...given,
    type: "module",
    dependencies: {
      "@pulumi/pulumi": dependencies["@pulumi/pulumi"],
      "ascend-pd": version,
      ...given.dependencies,
    },
    // Its script brings the program; npm may run none that is not named.
    allowScripts: { node: true, ...given.allowScripts },
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`package.json cannot be read: ${(error as Error).message}\nfix: mend it`);
  }
}

/** As Pulumi and npm take it. */
const nameOf = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "") || "inference";
