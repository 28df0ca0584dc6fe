import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readStackFile } from "../cli/stack-file.ts";
import { run, tryRun } from "../system/programs.ts";
import { testStack } from "./testing/stacks.ts";

// Programs that are not ours, under the real engine and our policy pack. No container is made.
const pack = resolve("policies");
let project: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "ascend-pd-policies-"));
  env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(project, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  };
  await mkdir(join(project, "backend"));
  await symlink(resolve("node_modules"), join(project, "node_modules"));
  await writeFile(
    join(project, "Pulumi.yaml"),
    "name: fixture\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
  );
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  await run("pulumi", ["stack", "init", "test"], { cwd: project, env });
});

afterAll(() => rm(project, { recursive: true }));

/** Previews a program of these statements. */
const preview = (statements: readonly string[], ...args: readonly string[]) =>
  pulumi(["preview", ...args], statements);

async function pulumi(
  args: readonly string[],
  statements: readonly string[],
): Promise<{ code: number; output: string }> {
  const imports = ["docker", "command"].map((name) => `import * as ${name} from "@pulumi/${name}";`);
  await writeFile(join(project, "index.js"), [...imports, ...statements].join("\n"));
  const { code, stdout, stderr } = await tryRun(
    "pulumi",
    [...args, "--stack=test", "--policy-pack", pack, "--non-interactive", "--color=never"],
    { cwd: project, env },
  );
  return { code, output: stdout + stderr };
}

/** A statement that makes a container; `options` are source text. */
function container(name: string, args: object, options = "{}"): string {
  const inputs = JSON.stringify({ name, image: "node:24-slim", ...args });
  return `new docker.Container("${name}", ${inputs}, ${options});`;
}

const npu = (id: number) => ({
  devices: [{ hostPath: `/dev/davinci${id}`, containerPath: `/dev/davinci${id}`, permissions: "rwm" }],
});
const bind = (path: string) => ({ mounts: [{ type: "bind", source: path, target: path }] });

test("A program that keeps to all policies passes, also where images are not known yet.", async () => {
  const sshOpts = ["-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=known_hosts"];
  const { code, output } = await preview([
    `const host = new docker.Provider("host-a", ${JSON.stringify({ host: "ssh://root@10.0.0.18", sshOpts })});`,
    `const image = new docker.RemoteImage("image", { name: "node:24-slim" });`,
    container("decode-0", { ...npu(4), ...bind("/data/models") }, "{ provider: host }"),
    container("decode-1", { ...npu(4), privileged: false }),
    `new docker.Container("decode-2", { name: "decode-2", image: image.imageId });`,
  ]);

  expect(output).toMatch(/✅.*ascend-pd@/);
  expect(output).not.toContain("can't run policy");
  expect(code).toBe(0);
});

test("Each policy on a resource refuses what breaks it, and nothing else.", async () => {
  const { code, output } = await preview([
    container("privileged", { privileged: true }),
    container("disk", { devices: [{ hostPath: "/dev/sda" }] }),
    container("spy", bind("/var/run/docker.sock")),
    container("writer", bind("/etc/localtime")),
    container("neighbour", { networkMode: "host" }),
    container("talker", { envs: ["API_KEY=sk-hunter2"] }),
    `new docker.Provider("host-a", { host: "ssh://root@10.0.0.18", sshOpts: ["-o", "StrictHostKeyChecking=no"] });`,
  ]);

  expect(violations(output)).toEqual([
    "host-network-with-reason neighbour",
    "no-privileged-container privileged",
    "no-secret-in-environment talker",
    "no-sensitive-mount spy",
    "only-planned-devices disk",
    "pinned-host-keys host-a",
    "system-mounts-read-only writer",
  ]);
  expect(output).not.toContain("hunter2");
  expect(code).not.toBe(0);
});

test("What only `up` gets to know is refused there, before the container is made.", async () => {
  const program = [
    `const { stdout } = new command.local.Command("late", { create: "echo -n SYS_ADMIN" });`,
    `new docker.Container("spy", { name: "spy", image: "none", capabilities: { adds: [stdout] } });`,
  ];

  const previewed = await preview(program);
  const { code, output } = await pulumi(["up", "--yes", "--skip-preview"], program);

  expect([previewed.code, violations(previewed.output)]).toEqual([0, []]);
  expect(violations(output)).toEqual(["no-privileged-container spy"]);
  expect(output).not.toContain("docker:index:Container spy creat");
  expect(code).not.toBe(0);
});

// The last program: the mark stays in the configuration of the stack.
test("Each policy on a stack refuses what breaks it, in a stack marked production.", async () => {
  const { code, output } = await preview(
    [
      container("prefill-0", npu(4)),
      container("decode-0", { ...npu(4), image: `node@sha256:${"0".repeat(64)}` }),
    ],
    "--config=ascend-pd:production=true",
  );

  expect(violations(output)).toEqual([
    expect.stringMatching(/^npu-held-once (prefill|decode)-0$/),
    "pinned-images prefill-0",
  ]);
  expect(output).toMatch(/\/dev\/davinci4 of \S.* is given to (prefill|decode)-0 and to (prefill|decode)-0/);
  expect(output).toContain("fix: give one of the two containers another NPU of the host");
  expect(code).not.toBe(0);
});

test("A stack for Ascend hosts passes, marked production once its image is named by digest.", async () => {
  const stack = await testStack("2p2d");
  const deployment = Object(readStackFile("2p2d").deployment);
  const engine = { ...deployment.engine, image: `ascend-vllm@sha256:${"0".repeat(64)}` };
  await stack.configure({ ...deployment, engine });

  const production = "--config=ascend-pd:production=true";
  const { code, output } = await stack.pulumi("preview", "--policy-pack", pack, production);

  expect(output).toMatch(/✅.*ascend-pd@/);
  expect(output).not.toContain("can't run policy");
  expect(code).toBe(0);
  await stack.dispose();
});

test("As JSON the engine leaves out what a policy says: `ascend-pd diff` fails, and says where to read it.", async () => {
  await preview([container("privileged", { privileged: true })]);

  const { stdout } = await tryRun("pulumi", ["preview", "--json", "--stack=test", "--policy-pack", pack], {
    cwd: project,
    env,
  });
  const diff = await tryRun("cli/ascend-pd.mjs", ["diff", "-"], { input: stdout });

  expect(stdout).not.toContain("no-privileged-container");
  expect(diff.stdout).toMatch(/^### `test`: the preview failed\n/);
  expect(diff.stderr).toMatch(/^error: the preview failed\nfix: .*policy/);
  expect(diff.code).toBe(1);
});

/** `<policy> <resource>` of each violation in the engine's report, sorted. */
function violations(output: string): string[] {
  const found = output.matchAll(/\[mandatory\].*?(\S+) +\(.*: (.*)\)$/gm);
  return [...found].map(([, policy, at]) => `${policy} ${at}`).sort();
}
