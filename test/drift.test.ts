import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test, vi } from "vitest";
import { stringify } from "yaml";
import type { Finding } from "../cli/drift/finding.ts";
import { expectEngine } from "../docker/api.ts";
import { tryRun } from "../system/programs.ts";
import {
  cloneProject,
  docker,
  inspectContainer,
  removeContainersOf,
  simulated1p1d,
} from "./testing/stacks.ts";

// A stack on the real engines, broken by hand in one way after the other. Each remedy that `ascend-pd drift` prints is
// pasted into a shell as it is.
const name = "e2e-drift";
const prefill = `${name}-prefill-0`;
const decode = `${name}-decode-0`;
const deployment = simulated1p1d(18460);
const table = `/etc/ascend-pd/local_ranktable_${decode}.json`;
const edit = `fs.writeFileSync("${table}", fs.readFileSync("${table}", "utf8").replace("198.18.0.7", "198.18.0.9"))`;
/** An image and a command of other people's. */
const idle = "$ASCEND_PD_NODE_IMAGE node -e 'setInterval(() => {}, 1000)'";
let project: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  await removeAll();
  project = await cloneProject();
  await mkdir(join(project, "state"));
  env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${project}/state`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_CONFIRMATIONS: "true",
  };
  await configure(deployment);
  await shell(`pulumi stack init ${name} && pulumi up --stack ${name} --skip-preview`);
});

afterAll(async () => {
  await tryRun("pulumi", ["destroy", "--stack", name, "--skip-preview"], { cwd: project, env });
  await removeAll();
  await rm(project, { recursive: true });
});

async function removeAll(): Promise<void> {
  await removeContainersOf(name);
  await tryRun("docker", ["rm", "--force", prefill]);
}

async function configure(stackFile: object): Promise<void> {
  const content = stringify({ config: { "ascend-pd:deployment": stackFile } });
  await writeFile(join(project, `stacks/Pulumi.${name}.yaml`), content);
}

async function shell(script: string): Promise<string> {
  const { code, stdout, stderr } = await tryRun("sh", ["-c", script], { cwd: project, env });
  if (code !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
  return stdout;
}

function ascendPd(args: readonly string[], environment = env) {
  return tryRun(process.execPath, ["cli/main.ts", "drift", ...args], { cwd: project, env: environment });
}

async function drift(
  environment = env,
): Promise<{ code: number; findings: Finding[]; stateUnknown?: string }> {
  const { code, stdout, stderr } = await ascendPd([name, "--json"], environment);
  expect(stderr).toBe("");
  return { code, ...JSON.parse(stdout) };
}

async function expectNoDrift(): Promise<void> {
  expect(await drift()).toMatchObject({ code: 0, findings: [], problems: [] });
  await shell(`pulumi preview --stack ${name} --expect-no-changes`);
}

/** Whether `pulumi refresh` finds anything. */
async function isSeenByRefresh(): Promise<boolean> {
  const args = ["refresh", "--preview-only", "--expect-no-changes", "--stack", name];
  const asked = { ...env, PULUMI_SKIP_CONFIRMATIONS: "false" };
  const { code, stdout, stderr } = await tryRun("pulumi", args, { cwd: project, env: asked });
  if (code !== 0 && !/no changes were expected/.test(stdout + stderr)) throw new Error(stdout + stderr);
  return code !== 0;
}

// One failure is no reason for the next.
beforeEach(() =>
  onTestFailed(async () => {
    await configure(deployment);
    await removeAll();
    await shell(`pulumi up --refresh --stack ${name} --skip-preview`);
  }),
);

test("After `pulumi up` there is no drift.", async () => {
  await expectNoDrift();

  expect(await ascendPd([name])).toMatchObject({ code: 0, stdout: `${name}: no drift on 1 host\n` });
});

interface Broken {
  /** Shell commands. */
  readonly by: string;
  readonly kind: Finding["kind"];
  readonly container?: string;
  readonly difference: { readonly what: string; readonly planned?: unknown; readonly there?: unknown };
  readonly seenByRefresh: boolean;
}

const broken: Readonly<Record<string, Broken>> = {
  stopped: {
    by: `docker stop ${prefill}`,
    kind: "stopped",
    difference: { what: "state", planned: "running", there: expect.stringMatching(/^exited with code \d+$/) },
    seenByRefresh: true,
  },
  removed: {
    by: `docker rm --force ${prefill}`,
    kind: "removed",
    difference: { what: "container", there: "none" },
    seenByRefresh: true,
  },
  "replaced by another of its name": {
    by: `docker rm --force ${prefill}; docker run -d --network=host --name ${prefill} ${idle}`,
    kind: "replaced",
    difference: { what: "--port", planned: "18460", there: "none" },
    seenByRefresh: true,
  },
  paused: {
    by: `docker pause ${prefill}`,
    kind: "paused",
    difference: { what: "state", there: "paused" },
    seenByRefresh: false,
  },
  renamed: {
    by: `docker rename ${decode} mine`,
    kind: "renamed",
    container: decode,
    difference: { what: "name", planned: decode, there: "mine" },
    seenByRefresh: true,
  },
  "given a limit of memory": {
    by: `docker update --memory=900m --memory-swap=1g ${prefill}`,
    kind: "changed",
    difference: { what: "Memory", planned: "none", there: "943718400" },
    seenByRefresh: true,
  },
  "given a limit of processes": {
    by: `docker update --pids-limit=500 ${prefill}`,
    kind: "changed",
    difference: { what: "PidsLimit", planned: "none", there: "500" },
    seenByRefresh: false,
  },
  "given another restart policy": {
    by: `docker update --restart=no ${prefill}`,
    kind: "changed",
    difference: { what: "restart", planned: "unless-stopped", there: "no" },
    seenByRefresh: true,
  },
  "given another rank table": {
    by: `docker exec --user=0 ${decode} node -e '${edit}'`,
    kind: "rank-table",
    container: decode,
    difference: {
      what: `${table} server_list[0].device[0].device_ip`,
      planned: '"198.18.0.7"',
      there: '"198.18.0.9"',
    },
    seenByRefresh: false,
  },
  "given other ports while it ran": {
    by: `docker exec --user=0 ${name}-scheduler node -e 'fs.writeFileSync("/etc/ascend-pd/node_ports", "1")'`,
    kind: "rank-table",
    container: `${name}-scheduler`,
    difference: { what: "/etc/ascend-pd/node_ports", there: "1 others" },
    seenByRefresh: false,
  },
  "running from an image whose tag was moved": {
    by: `docker tag $ASCEND_PD_NODE_IMAGE $(docker inspect --format '{{.Config.Image}}' ${name}-scheduler)`,
    kind: "image",
    container: `${name}-scheduler`,
    difference: { what: expect.stringContaining(`ascend-pd/scheduler:${name}-`) as unknown as string },
    seenByRefresh: false,
  },
};

test.each(Object.entries(broken))(
  "A container that was %s is found, and the remedy mends it.",
  async (_, { by, kind, container = prefill, difference, seenByRefresh }) => {
    await shell(by);

    const { code, findings } = await drift();
    const isSeen = await isSeenByRefresh();

    expect(findings).toMatchObject([
      {
        kind,
        host: "local",
        container,
        differences: expect.arrayContaining([expect.objectContaining(difference)]),
      },
    ]);
    expect([code, isSeen]).toEqual([2, seenByRefresh]);
    await shell(findings[0]?.remedy ?? "");
    await expectNoDrift();
  },
);

test("A container that ends again and again is found, and the remedy mends it.", async () => {
  await shell(
    `docker exec --user=0 ${decode} node -e 'fs.writeFileSync("${table}", "{")'; docker restart ${decode}`,
  );

  // Between two ends it runs.
  const [finding] = await vi.waitFor(async () => {
    const { findings } = await drift();
    expect(findings.map(({ kind }) => kind)).toEqual(["restarting", "rank-table"]);
    return findings;
  }, 60_000);

  expect(finding).toMatchObject({ container: decode, differences: [{ what: "state", there: "restarting" }] });
  await shell(finding?.remedy ?? "");
  await expectNoDrift();
});

/** Makes a container anew, as it was but for its environment. */
async function makeAnew(container: string, change: (env: string[]) => string[]): Promise<void> {
  const { Config, HostConfig } = await inspectContainer(container);
  const files = await shell(`docker cp ${container}:/etc/ascend-pd - | base64 --wrap=0`);
  await shell(`docker rm --force ${container}`);
  const json = { ...Config, Env: change(Config.Env), Hostname: "", HostConfig };
  await expectEngine(docker, `/containers/create?name=${container}`, { method: "POST", json });
  await shell(`echo ${files} | base64 --decode | docker cp - ${container}:/etc && docker start ${container}`);
}

test("A container made anew with another environment is found, its secrets unsaid, and the remedy mends it.", async () => {
  await makeAnew(prefill, (env) => [...env, "HF_TOKEN=hf_0123456789abcdef", "NOTE=\u001b[31mred\u202e"]);

  const { stdout } = await ascendPd([name, "--json"]);
  const { stdout: text } = await ascendPd([name]);

  const [finding, ...others] = JSON.parse(stdout).findings as Finding[];
  expect(finding).toMatchObject({ kind: "replaced", container: prefill });
  expect(finding?.differences.slice(1)).toEqual([
    { what: "env.HF_TOKEN", planned: "none", there: "[secret]" },
    { what: "env.NOTE", planned: "none", there: "\\u001b[31mred\\u202e" },
  ]);
  expect(others).toEqual([]);
  for (const unsaid of ["hf_0123", "\u001b", "\u202e"]) expect(stdout + text).not.toContain(unsaid);
  await shell(finding?.remedy ?? "");
  await expectNoDrift();
});

test("Without Pulumi's state it is found as well, and there is a remedy that works.", async () => {
  await makeAnew(prefill, (env) => [...env, "NOTE=by hand"]);
  const onlyNode = join(process.cwd(), "node_modules/.bin");

  const { stdout, stderr } = await ascendPd([name, "--json"], { ...env, PATH: onlyNode });

  const { stateUnknown, findings } = JSON.parse(stdout);
  expect(stateUnknown).toMatch(/pulumi/);
  expect(stderr).toBe("");
  expect(findings).toMatchObject([
    {
      kind: "changed",
      container: prefill,
      differences: [{ what: "env.NOTE", planned: "none", there: "by hand" }],
    },
  ]);
  await shell(findings[0].remedy);
  await expectNoDrift();
});

test("A limit of memory outlives `pulumi up --refresh`, and is still found.", async () => {
  await shell(`docker update --memory=900m --memory-swap=1g ${prefill}`);
  await shell(`pulumi up --refresh --stack ${name} --skip-preview`);

  const { findings } = await drift();

  expect(await isSeenByRefresh()).toBe(true);
  expect(findings).toMatchObject([{ kind: "changed", container: prefill }]);
  await shell(findings[0]?.remedy ?? "");
  await expectNoDrift();
});

test("What the stack file says and no `up` has brought up is told apart from drift.", async () => {
  const added = { host: "local", devices: [2, 3], port: 18469 };
  await configure({ ...deployment, prefill: [...deployment.prefill, added] });
  await shell(`docker pause ${decode}`);

  const { code, findings } = await drift();

  expect(code).toBe(2);
  const kinds = findings.map(({ kind, container }) => `${kind} ${container}`);
  expect(kinds).toEqual([
    `not-brought-up ${name}-prefill-1`,
    `paused ${decode}`,
    `not-brought-up ${name}-scheduler`,
  ]);
  await shell(findings[1]?.remedy ?? "");
  await configure(deployment);
  await expectNoDrift();
});

test("A container with the stack's label that nobody planned is found, and the remedy removes it.", async () => {
  await shell(`docker run -d --network=host --name ${name}-extra --label ascend-pd.stack=${name} ${idle}`);

  const { findings } = await drift();

  expect(findings).toMatchObject([{ kind: "unplanned", host: "local", container: `${name}-extra` }]);
  await shell(findings[0]?.remedy ?? "");
  await expectNoDrift();
});
