import { mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { endProcessesNaming } from "../../system/processes.ts";
import { type LocalStack, openStack } from "../stack.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = process.cwd();
let folder: string;

/** Each test works in the folder of a project of its own, on a backend of its own. Needs `pulumi` on PATH. */
export function inTemporaryProject(): void {
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "ascend-pd-cli-")));
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(
      join(folder, "Pulumi.yaml"),
      "name: ascend-pd\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
    );
    process.chdir(folder);
  });
  afterEach(async () => {
    process.chdir(root);
    // The plugins of a pulumi that was killed live on for minutes.
    await endProcessesNaming(folder);
    await rm(folder, { recursive: true });
  });
}

/** A new stack of the project, and the program that the project runs. */
export async function projectStack(program: string, name = "test"): Promise<LocalStack> {
  await writeFile(join(folder, "index.js"), `import * as pulumi from "@pulumi/pulumi";\n${program}\n`);
  return openStack(name, "config: {}\n", join(folder, "state"), process.env);
}
