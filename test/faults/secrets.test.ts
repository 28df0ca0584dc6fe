import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callEngine } from "../../docker/api.ts";
import { tryRun } from "../../system/programs.ts";
import { expectConverged, expectFailure, idsOf, stateOf, up } from "../testing/faults.ts";
import {
  docker,
  inspectContainer,
  logOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "../testing/stacks.ts";

// A secret that exists nowhere else is given to two instances, changed and taken away, and everything that is printed,
// kept or run meanwhile is searched for it.
const name = "faults-secrets";
const base = simulated1p1d(18560);
const deployment = { ...base, engine: { ...base.engine, secretEnv: ["CANARY_TOKEN"] } };
const [canary, second] = [1, 2].map(() => `canary${randomBytes(12).toString("hex")}`);
const instances = [`${name}-decode-0`, `${name}-prefill-0`];
let stack: TestStack;
let project: string;
/** Everything that was printed. */
let printed = "";

beforeAll(async () => {
  stack = await testStack(name);
  project = await mkdtemp(join(tmpdir(), "ascend-pd-project-"));
});

afterAll(async () => {
  await stack.dispose();
  await rm(project, { recursive: true });
});

async function pulumi(...args: string[]) {
  const outcome = await stack.pulumi(args[0] ?? "", ...args.slice(1));
  printed += outcome.output;
  return outcome;
}

async function ascendPd(...args: string[]) {
  const { folder, env } = stack.local();
  const file = `Pulumi.${name}.yaml`;
  await mkdir(join(project, "stacks"), { recursive: true });
  await copyFile(join(folder, file), join(project, "stacks", file));
  const { stdout, stderr } = await tryRun(resolve("cli/ascend-pd.mjs"), args, { cwd: project, env });
  printed += stdout + stderr;
  return stdout;
}

/** As `pulumi config set --secret` does it, from its standard input. */
async function setSecret(key: string, value: string): Promise<void> {
  const { args, env } = stack.local();
  const { code, stderr } = await tryRun("pulumi", ["config", "set", "--secret", "--path", key, ...args], {
    env,
    input: value,
  });
  expect(code, stderr).toBe(0);
}

test("A stack that names a secret it does not have is refused, with the command that sets it.", async () => {
  await stack.configure(deployment);

  const failed = await up(stack);

  expectFailure(
    failed,
    "ascend-pd:secretEnv has no CANARY_TOKEN",
    "--secret --path 'ascend-pd:secretEnv.CANARY_TOKEN'",
  );
});

test("A secret within the deployment, where it would be plain text, is refused by pulumi and by plan.", async () => {
  await setSecret("ascend-pd:deployment.engine.extraEnv.CANARY_TOKEN", `${canary}`);

  const failed = await pulumi("up", "--yes", "--skip-preview");
  await ascendPd("plan", name);

  expectFailure(failed, "ascend-pd:deployment holds a secret", "fix: keep it in ascend-pd:secretEnv");
  expect(printed).toContain("PD012 engine.extraEnv.CANARY_TOKEN");
  expect(printed).not.toContain(canary);
});

test("A password and a key in plain text are refused by pulumi, which does not print them.", async () => {
  const plain = "hunter2-hunter2";
  const docker = `ssh://root:${plain}@10.0.0.18`;
  const hosts = { ...deployment.hosts, far: { address: "10.0.0.18", docker, hostKey: "ssh-ed25519 AAAA" } };
  const engine = { ...deployment.engine, extraArgs: ["--api-key", plain] };
  await stack.configure({ ...deployment, engine, hosts });

  const failed = await pulumi("up", "--yes", "--skip-preview");

  expectFailure(failed, "PD013 hosts.far.docker", "PD014 engine.extraArgs[1]");
  expect(failed.output).not.toContain(plain);
});

test("A secret reaches the containers that name it, and no other.", async () => {
  await stack.configure(deployment);
  await setSecret("ascend-pd:secretEnv.CANARY_TOKEN", `${canary}`);
  const search = processesWith(`${canary}`);

  const { code, output } = await pulumi("up", "--yes", "--skip-preview");

  expect(code, output).toBe(0);
  for (const instance of instances)
    expect((await inspectContainer(instance)).Config.Env).toContain(`CANARY_TOKEN=${canary}`);
  expect(JSON.stringify(await inspectContainer(`${name}-scheduler`))).not.toContain(canary);
  // Pulumi hands the configuration to the program in its environment, which only this user and root can read.
  expect([...(await search.stop())]).toEqual(["the program", "a container"]);
});

test("It is encrypted in Pulumi's state, and in no image, log or other property.", async () => {
  await pulumi("stack", "ls");
  const state = await stateOf(stack);
  const files = await filesBelow(stack.local().backend);
  const images = await Promise.all(
    ["simulator", "scheduler"].map(async (folder) => {
      const { Image } = await inspectContainer(
        folder === "simulator" ? `${instances[0]}` : `${name}-scheduler`,
      );
      const { body } = await callEngine(docker, `/images/${Image}/json`);
      const history = await callEngine(docker, `/images/${Image}/history`);
      return body + history.body + (await readFile(`dist/${folder}/${folder}.js`, "utf8"));
    }),
  );
  const inspected = await Promise.all(
    instances.map(async (instance) => {
      const { Config, ...rest } = await inspectContainer(instance);
      return JSON.stringify({ ...rest, Config: { ...Config, Env: [] } });
    }),
  );
  const logs = await Promise.all([...instances, `${name}-scheduler`].map(logOf));

  const drift = await ascendPd("drift", name, "--json");

  expect(JSON.parse(drift).findings).toEqual([]);
  expect(printed).not.toContain(canary);
  expect(files.length).toBeGreaterThan(0);
  for (const text of [state, ...files, ...images, ...inspected, ...logs]) expect(text).not.toContain(canary);
});

test("Previews, diffs, Plans and rendered commands of a change do not show it.", async () => {
  await stack.configure({ ...deployment, model: { ...deployment.model, maxNumSeqs: 128 } });
  await setSecret("ascend-pd:secretEnv.CANARY_TOKEN", `${canary}`);
  await pulumi("preview", "--diff");
  const json = await stack.pulumi("preview", "--json");
  printed += json.output;
  const { stdout } = await tryRun("cli/ascend-pd.mjs", ["diff", "-"], { input: json.output });
  printed += stdout;
  const script = await ascendPd("render", "docker-run", name);
  const compose = await ascendPd("render", "compose", name);
  const plan = await ascendPd("plan", name, "--json");

  expect(script).toContain("--env CANARY_TOKEN");
  expect(compose).toContain("CANARY_TOKEN:");
  expect(JSON.parse(plan).plan.containers[0].secretEnv).toEqual(["CANARY_TOKEN"]);
  expect(printed).not.toContain(canary);
});

test("A rotated secret replaces the instances that use it; the scheduler keeps running.", async () => {
  await stack.configure(deployment);
  await setSecret("ascend-pd:secretEnv.CANARY_TOKEN", `${second}`);
  const before = await idsOf(name);
  const changes = await stack.previewed();
  const json = await stack.pulumi("preview", "--json");
  const { stdout } = await tryRun("cli/ascend-pd.mjs", ["diff", "-"], { input: json.output });

  const replaced = changes.replace?.filter((resource) => !/-(ready|membership)$/.test(resource));
  expect(replaced).toEqual(instances);
  await expectConverged(stack);

  const after = await idsOf(name);
  expect(after[`${name}-scheduler`]).toBe(before[`${name}-scheduler`]);
  expect((await inspectContainer(`${instances[0]}`)).Config.Env).toContain(`CANARY_TOKEN=${second}`);
  for (const text of [json.output, stdout, await stateOf(stack)]) {
    expect(text).not.toContain(canary);
    expect(text).not.toContain(second);
  }
});

test("The policy pack passes a credential that is a Pulumi secret.", async () => {
  const { code, output } = await stack.pulumi("preview", "--policy-pack", "policies");

  expect(code, output).toBe(0);
});

/** Looks at all processes, again and again, for a text in their command line or environment. */
function processesWith(text: string) {
  const found = new Set<string>();
  let isOver = false;
  const search = async () => {
    while (!isOver) {
      for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
        const [line = "", env = "", groups = ""] = await Promise.all(
          ["cmdline", "environ", "cgroup"].map((file) =>
            readFile(`/proc/${pid}/${file}`, "utf8").catch(() => ""),
          ),
        );
        if (!line.includes(text) && !env.includes(text)) continue;
        if (/[0-9a-f]{64}/.test(groups)) found.add("a container");
        else
          found.add(
            line.includes("cmd/run") && !line.includes(text) ? "the program" : line.replaceAll("\0", " "),
          );
      }
      await sleep(50);
    }
    return found;
  };
  const searching = search();
  return {
    stop: () => {
      isOver = true;
      return searching;
    },
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "utf8")));
}
