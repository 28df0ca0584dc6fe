import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readStackFile } from "../cli/stack-file.ts";
import { run, tryRun } from "../system/programs.ts";
import { simulated1p1d, testStack } from "./testing/stacks.ts";

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

/** The arguments that give the pack this configuration. */
async function configured(config: object): Promise<string[]> {
  const file = join(project, "policies.json");
  await writeFile(file, JSON.stringify(config));
  return ["--policy-pack-config", file];
}

/** A statement that makes a container; `options` are source text. */
function container(name: string, args: object, options = "{}"): string {
  const inputs = JSON.stringify({ name, image: "node:24-slim", ...args });
  return `new docker.Container("${name}", ${inputs}, ${options});`;
}

const npu = (id: number) => ({
  devices: [{ hostPath: `/dev/davinci${id}`, containerPath: `/dev/davinci${id}`, permissions: "rwm" }],
});
const bind = (path: string, readOnly = false) => ({
  mounts: [{ type: "bind", source: path, target: path, readOnly }],
});

test("A program that keeps to all policies passes, also where images are not known yet.", async () => {
  const files = ["-o", "UserKnownHostsFile=known_hosts", "-o", "GlobalKnownHostsFile=/dev/null"];
  const sshOpts = ["-o", "StrictHostKeyChecking=yes", ...files];
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
    container("spy", bind("/var/run/docker.sock", true)),
    container("writer", bind("/etc/localtime")),
    container("neighbour", { networkMode: "host" }),
    container("talker", { envs: ["API_KEY=sk-hunter2"] }),
    `new docker.Provider("host-a", { host: "ssh://root@10.0.0.18", sshOpts: ["-o", "StrictHostKeyChecking=no"] });`,
    `new command.local.Command("past", { create: "docker run --privileged alpine" });`,
    `new docker.Network("lan", { driver: "macvlan" });`,
  ]);

  expect(violations(output)).toEqual([
    "host-network-with-reason neighbour",
    "no-privileged-container privileged",
    "no-secret-in-environment talker",
    "no-sensitive-mount spy",
    "only-known-commands past",
    "only-known-resources lan",
    "only-planned-devices disk",
    "pinned-host-keys host-a",
    "system-mounts-read-only writer",
  ]);
  expect(output).not.toContain("hunter2");
  expect(code).not.toBe(0);
});

test("What gives the host away in another form is refused, each by its policy.", async () => {
  const allowAll = 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}';
  const bundled = ["-vo", "StrictHostKeyChecking=no", "-o", "StrictHostKeyChecking=yes"];
  const sshOpts = [...bundled, "-o", "UserKnownHostsFile=k", "-o", "GlobalKnownHostsFile=k"];
  const authorised = ["CMD", "curl", "-H", "Authorization: Bearer hunter2", "localhost"];
  const { code, output } = await preview([
    container("seccomp", { securityOpts: [allowAll] }),
    container("joined", { pidMode: "container:other" }),
    container("cgroups", { cgroupnsMode: "host" }),
    container("npus", { envs: ["ASCEND_VISIBLE_DEVICES=0-7"] }),
    container("gpus", { runtime: "nvidia" }),
    container("cron", bind("/var/spool/cron", true)),
    container("inherits", { volumes: [{ fromContainer: "other" }] }),
    container("checked", { healthcheck: { tests: authorised } }),
    container("told", {
      labels: [{ label: "ascend-pd.secret-env", value: "API_KEY" }],
      envs: ["API_KEY=hunter2"],
    }),
    `new docker.Volume("disk", { driverOpts: { type: "ext4", device: "/dev/sda1" } });`,
    `new docker.Provider("bundled", { host: "ssh://root@10.0.0.18", sshOpts: ${JSON.stringify(sshOpts)} });`,
    `new docker.Provider("plain", { host: "tcp://10.0.0.18:2375" });`,
    `new docker.Service("swarm", { taskSpec: { containerSpec: { image: "alpine" } } });`,
  ]);

  expect(violations(output)).toEqual([
    "no-privileged-container cgroups",
    "no-privileged-container joined",
    "no-privileged-container seccomp",
    "no-secret-in-environment checked",
    "no-secret-in-environment told",
    "no-sensitive-mount cron",
    "no-sensitive-mount disk",
    "no-sensitive-mount inherits",
    "only-known-resources swarm",
    "only-planned-devices gpus",
    "only-planned-devices npus",
    "pinned-host-keys bundled",
    "pinned-host-keys plain",
  ]);
  expect(output).not.toContain("hunter2");
  expect(code).not.toBe(0);
});

test("What the pack's configuration lists passes.", async () => {
  const lists = await configured({
    "no-privileged-container": { settings: ["pidMode=host"] },
    "no-sensitive-mount": { folders: ["/mnt/models"] },
    "system-mounts-read-only": { folders: ["/mnt/models"] },
    "only-planned-devices": { runtimes: ["crun"] },
    "only-known-resources": { kinds: ["docker:index/network:Network"] },
  });
  const { code, output } = await preview(
    [
      container("exporter", { pidMode: "host", runtime: "crun", ...bind("/mnt/models/a") }),
      `new docker.Network("lan", {});`,
    ],
    ...lists,
  );

  expect(violations(output)).toEqual([]);
  expect(code).toBe(0);
});

test("What only `up` gets to know is refused there, before the container is made.", async () => {
  const program = [
    `const { stdout } = new command.local.Command("late", { create: "echo -n SYS_ADMIN" });`,
    `new docker.Container("spy", { name: "spy", image: "none", capabilities: { adds: [stdout] } });`,
  ];

  const listed = await configured({ "only-known-commands": { commands: ["echo -n SYS_ADMIN"] } });
  const previewed = await preview(program, ...listed);
  const { code, output } = await pulumi(["up", "--yes", "--skip-preview", ...listed], program);

  expect([previewed.code, violations(previewed.output)]).toEqual([0, []]);
  expect(previewed.output).toMatch(/can't run policy 'no-privileged-container'.*capabilities\.adds\.0/);
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

const stacks = readdirSync("stacks").flatMap((file) => /^Pulumi\.(.*)\.yaml$/.exec(file)?.[1] ?? []);

test.each(stacks)("What the stack %s makes is on the lists, and known in its preview.", async (name) => {
  const stack = await testStack(name);
  await stack.configure(readStackFile(name).deployment);

  const { output } = await stack.pulumi("preview", "--policy-pack", pack);

  expect(output).toMatch(/✅.*ascend-pd@/);
  expect(violations(output)).toEqual([]);
  expect(output).not.toContain("can't run policy");
  await stack.dispose();
});

test("A simulated stack comes up under the pack, marked production.", async () => {
  const stack = await testStack("policies-1p1d");
  await stack.configure(simulated1p1d(18440));

  const up = ["--yes", "--skip-preview", "--policy-pack", pack, "--config=ascend-pd:production=true"];
  const { code, output } = await stack.pulumi("up", ...up);

  expect(violations(output)).toEqual([]);
  expect(output).toMatch(/✅.*ascend-pd@/);
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
