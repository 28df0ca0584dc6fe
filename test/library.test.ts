import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import manifest from "../package.json" with { type: "json" };
import { run, tryRun } from "../system/programs.ts";
import { sourceImage } from "../toolchain/source-image.ts";
import { localBackend } from "../toolchain/state.ts";
import { containersOf, inspectContainer, removeContainersOf, simulated1p1d } from "./testing/stacks.ts";

// The npm package as another project has it: packed, installed into an empty folder, and used by a program there.
const name = "library";
const deployment = simulated1p1d(18720);
let project: string;
let env: NodeJS.ProcessEnv;

const program = `
import * as pulumi from "@pulumi/pulumi";
import { local } from "@pulumi/command";
import { formatProblems, PdDeployment, plan } from "ascend-pd";

const result = plan("${name}", new pulumi.Config("ascend-pd").getObject("deployment"));
if ("problems" in result) throw new pulumi.RunError(formatProblems("${name}", result.problems));
const deployment = new PdDeployment("${name}", { plan: result.plan });
const told = new local.Command("told", {
  create: pulumi.interpolate\`node -e 'fetch("\${deployment.endpoint}/v1/models").then((r) => r.text()).then(console.log)'\`,
}, { dependsOn: deployment });

export const models = told.stdout;
export const note = new pulumi.Config("app").require("note");
`;

beforeAll(async () => {
  await removeContainersOf(name);
  project = await mkdtemp(join(tmpdir(), "ascend-pd-library-"));
  const [{ filename }] = JSON.parse(
    await run("npm", ["pack", "--json", `--pack-destination=${project}`], { env: quiet() }),
  );
  await write("package.json", JSON.stringify({ name: "app", private: true, type: "module" }));
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`];
  await run("npm", install, { cwd: project, env: quiet() });
  const runtime = { name: "nodejs", options: { typescript: false } };
  await write("Pulumi.yaml", stringify({ name: "app", runtime, main: "index.ts", stackConfigDir: "stacks" }));
  await write("index.ts", program);
  await write(
    `stacks/Pulumi.${name}.yaml`,
    stringify({ config: { "app:note": "read here too", "ascend-pd:deployment": deployment } }),
  );
  const backend = join(project, "backend");
  await mkdir(backend);
  env = { ...quiet(), PULUMI_BACKEND_URL: localBackend(backend), PULUMI_CONFIG_PASSPHRASE: "" };
});

afterAll(async () => {
  await ascendPd("pulumi", "destroy", "--yes", "--skip-preview", `--stack=${name}`);
  await rm(project, { recursive: true, force: true });
});

/** Without what npm hands on to those that it runs, of which our own run may be one. */
function quiet(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key)));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(project, path, ".."), { recursive: true });
  await writeFile(join(project, path), text);
}

async function ascendPd(...args: string[]) {
  const { code, stdout, stderr } = await tryRun("npx", ["--offline", "ascend-pd", ...args], {
    cwd: project,
    env,
  });
  return { code, stdout, output: stdout + stderr };
}

test("The command that is installed plans and renders the project's stack file.", async () => {
  const planned = await ascendPd("plan", name);
  const rendered = await ascendPd("render", "docker-run", name);

  expect(planned).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^decode +library-decode-0 +local/m),
  });
  expect(rendered).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("node_modules/ascend-pd/lib/scheduler/Dockerfile"),
  });
});

test("Types are there, and refuse what is not.", async () => {
  const settings = { module: "nodenext", strict: true, noEmit: true, skipLibCheck: true, types: [] };
  await write(
    "tsconfig.json",
    JSON.stringify({ compilerOptions: settings, files: ["index.ts", "wrong.ts"] }),
  );
  await write(
    "wrong.ts",
    'import { PdDeployment } from "ascend-pd";\n// @ts-expect-error there is no Plan\nnew PdDeployment("a", { plan: 1 });\n',
  );

  const { code, stdout } = await tryRun("node", ["node_modules/typescript/bin/tsc", "--project", project]);

  expect(code, stdout).toBe(0);
});

test("A program of another project brings up a deployment, and its own resource comes after it.", async () => {
  await ascendPd("pulumi", "stack", "init", name);

  const { code, output } = await ascendPd("pulumi", "up", "--yes", "--skip-preview", `--stack=${name}`);

  expect(output).toContain("read here too");
  expect(output).toMatch(/told created .*test-model/);
  expect(code).toBe(0);
  expect(await containersOf(name)).toEqual([`${name}-decode-0`, `${name}-prefill-0`, `${name}-scheduler`]);
});

test("Its images are those that a clone would build.", async () => {
  const { Config } = await inspectContainer(`${name}-scheduler`);

  const { name: image } = sourceImage("scheduler", name, `ascend-pd/node:${manifest.dependencies.node}`);

  expect(Config.Image).toBe(image);
});

test("A second preview has nothing to do, and Pulumi's state names no folder of this machine.", async () => {
  const { code, output } = await ascendPd("pulumi", "preview", "--expect-no-changes", `--stack=${name}`);
  const { stdout } = await ascendPd("pulumi", "stack", "export", `--stack=${name}`);

  expect(code, output).toBe(0);
  const { resources } = JSON.parse(stdout).deployment as { resources: { inputs?: object }[] };
  const inputs = JSON.stringify(resources.map(({ inputs }) => inputs));
  expect(inputs).toContain("ascend-pd/probes/");
  expect(inputs).not.toContain(project);
});

test("The package has the schemas, and nothing that only tests need.", async () => {
  const installed = join(project, "node_modules/ascend-pd");
  const files = (await run("find", [installed, "-type", "f"])).trim().split("\n");

  expect(JSON.parse(await readFile(join(installed, "lib/schemas/stack.schema.json"), "utf8"))).toHaveProperty(
    "properties.config",
  );
  expect(
    files.filter((file) =>
      /\.test\.|\/testing\/|[^d]\.ts$/.test(file.slice(installed.length).replace(".d.ts", "")),
    ),
  ).toEqual([]);
});

test("`init` begins a project in an empty folder, whose stack can be previewed at once.", async () => {
  const fresh = join(project, "fresh");
  await mkdir(fresh);
  const init = await tryRun(join(project, "node_modules/.bin/ascend-pd"), ["init", "--stack=begun"], {
    cwd: fresh,
    env,
  });
  // In place of its `npm install`, of the same packages.
  await symlink(join(project, "node_modules"), join(fresh, "node_modules"));

  await tryRun("npx", ["ascend-pd", "pulumi", "stack", "init", "begun"], { cwd: fresh, env });
  const { code, stdout, stderr } = await tryRun("npx", ["ascend-pd", "pulumi", "preview", "--stack=begun"], {
    cwd: fresh,
    env,
  });

  expect(init).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("wrote package.json, Pulumi.yaml, index.ts, "),
  });
  expect(JSON.parse(await readFile(join(fresh, "package.json"), "utf8"))).toMatchObject({
    type: "module",
    dependencies: {
      "ascend-pd": manifest.version,
      "@pulumi/pulumi": manifest.dependencies["@pulumi/pulumi"],
    },
  });
  expect(stdout, stderr).toContain("begun-scheduler-first-completion");
  expect(code).toBe(0);
});
