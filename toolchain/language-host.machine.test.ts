import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type RunResult, tryRun } from "../system/programs.ts";
import { defaultCacheDir } from "./cache.ts";
import type { Context } from "./context.ts";
import { isBuilt } from "./go-build.ts";
import { ensurePulumi } from "./pulumi.ts";
import { installedCli, pulumiBuild } from "./pulumi-cli.ts";
import { repositoryDir } from "./repository.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };
const installed = await installedCli(context, process.env);
const parts = "choice" in installed ? "docker plugin" : "all";
const hasPulumi = await isBuilt(context, await pulumiBuild(parts));

let folder: string;

// Without a Pulumi these tests would begin by building one, for minutes.
describe.skipIf(!hasPulumi)("the Node.js language host, under the real engine", () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "language-host-"));
    await symlink(join(repositoryDir, "node_modules"), join(folder, "node_modules"));
    await file("package.json", '{ "type": "module" }');
    await file(
      "Pulumi.yaml",
      "name: host\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.ts\n",
    );
    await mkdir(join(folder, "state"));
    expect((await pulumi("stack", "init", "dev")).stderr).toContain("Created stack");
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function file(path: string, text: string): Promise<void> {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  async function pulumi(...args: string[]): Promise<RunResult> {
    const own = { PULUMI_BACKEND_URL: `file://${folder}/state`, PULUMI_CONFIG_PASSPHRASE: "" };
    const { env } = await ensurePulumi(context);
    return tryRun("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd: folder,
      env: { ...process.env, ...env, ...own },
    });
  }

  test("A program gets its configuration and its secrets, and runs as TypeScript on the Node of this project.", async () => {
    await file(
      "index.ts",
      `import * as pulumi from "@pulumi/pulumi";
      const config = new pulumi.Config();
      export const plain: string = config.require("plain");
      export const secret = config.requireSecret("secret");
      export const facts = [pulumi.getStack(), pulumi.runtime.isDryRun(), process.version, process.env.PULUMI_NODEJS_TYPESCRIPT];`,
    );
    await pulumi("config", "set", "plain", "p");
    await pulumi("config", "set", "--secret", "secret", "s");

    const up = await pulumi("up", "--yes", "--skip-preview");
    const outputs = await pulumi("stack", "output", "--json");

    expect(up.code).toBe(0);
    expect(JSON.parse(outputs.stdout)).toEqual({
      plain: "p",
      secret: "[secret]",
      facts: ["dev", false, process.version, null],
    });
  });

  test("What a program says before it gives up is all that is shown.", async () => {
    await file(
      "index.ts",
      'import { RunError } from "@pulumi/pulumi";\nthrow new RunError("NPU 5 is used twice");',
    );

    const { code, stdout } = await pulumi("preview");

    expect(code).not.toBe(0);
    expect(stdout).toContain("error: NPU 5 is used twice\n");
    expect(stdout).not.toMatch(/index\.ts|exit code/);
  });

  test("A program that breaks fails the preview and shows where.", async () => {
    await file("index.ts", "null.x;");

    const { code, stdout } = await pulumi("preview");

    expect(code).not.toBe(0);
    expect(stdout).toContain("index.ts:1");
  });

  test("A policy pack knows the stack, and a mandatory violation fails the preview.", async () => {
    await file(
      "index.ts",
      `import { ComponentResource } from "@pulumi/pulumi";
      new ComponentResource("host:index:Thing", "thing", {});`,
    );
    await file(
      "pack/package.json",
      '{ "name": "pack", "version": "1.0.0", "type": "module", "main": "index.ts" }',
    );
    await file(
      "pack/PulumiPolicy.yaml",
      "runtime: { name: nodejs, options: { typescript: false } }\nmain: index.ts\n",
    );
    await file(
      "pack/index.ts",
      `import { PolicyPack } from "@pulumi/policy";
      import { Config, getStack } from "@pulumi/pulumi";
      // Of a stack without configuration, too.
      const production = new Config().getBoolean("production") ?? false;
      new PolicyPack("pack", {
        policies: [{
          name: "no-things",
          description: "there must be no things",
          enforcementLevel: "mandatory",
          validateStack: ({ resources }, report) => {
            for (const { type, name } of resources)
              if (type === "host:index:Thing") report(name + " is a thing in " + getStack() + ", production " + production);
          },
        }],
      });`,
    );

    const without = await pulumi("preview");
    const checked = await pulumi("preview", "--policy-pack", "pack");

    expect(without.code).toBe(0);
    expect(checked.code).not.toBe(0);
    expect(checked.stdout).toMatch(
      /\[mandatory\] {2}no-things[\s\S]*thing is a thing in dev, production false/,
    );
  });
});
