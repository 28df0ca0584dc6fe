import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type PulumiRun, type ResourceStep, runPulumi } from "../../cli/pulumi.ts";
import { recoverStack } from "../../cli/recover.ts";
import { type LocalStack, openStack } from "../../cli/stack.ts";
import { callEngine, defaultHost, expectEngine } from "../../docker/api.ts";
import { archivedFile } from "../../docker/archive.ts";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";
import { endProcessesNaming } from "../../system/processes.ts";
import { tryRun } from "../../system/programs.ts";

export const docker = process.env.DOCKER_HOST ?? defaultHost;

/** A stack of a test's own: its state in a temporary folder, its containers on the machine's Docker Engine. */
export interface TestStack {
  readonly name: string;
  configure(deployment: unknown): Promise<void>;
  /** `pulumi <command>` as a person would run it; never throws for a non-zero exit. */
  pulumi(...args: string[]): Promise<{ code: number; output: string }>;
  /** `pulumi up`, with each step that the engine took; `project` is another clone than this one. */
  up(
    onStep?: (step: ResourceStep) => void,
    project?: string,
  ): Promise<PulumiRun & { steps: readonly ResourceStep[] }>;
  /** `pulumi up`, sent a signal at the first step that is so; then what it left is cleared, as the demo does. */
  upKilledAt(isMoment: (step: ResourceStep) => boolean, signal?: NodeJS.Signals): Promise<void>;
  /** What `pulumi` is told to work on it. */
  local(): LocalStack;
  /** Names of the resources that an `up` now would touch, by operation. */
  previewed(): Promise<Record<string, string[]>>;
  dispose(): Promise<void>;
}

/** Environment of an instance that starts so much later, as an engine that loads a model. */
export const loading = (seconds: number) => ({
  NODE_OPTIONS: `--import=data:text/javascript,await%20new%20Promise(r=>setTimeout(r,${1000 * seconds}))`,
});

/** Environment of an instance that is healthy, and answers every question with an error. */
export const mute = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    "import http from 'node:http';const{emit}=http.Server.prototype;" +
      "http.Server.prototype.emit=function(name,asked,answer){" +
      "if(name!=='request'||asked.method!=='POST')return emit.apply(this,arguments);" +
      "answer.statusCode=500;answer.end('NPU 4 is lost')}",
  )}`,
};

/** A clone of this project in a folder of its own. */
export async function cloneProject(): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), "ascend-pd-clone-"));
  await cp(".", clone, {
    recursive: true,
    filter: (path) => !/^(node_modules|\.git|dist|lib)(\/|$)/.test(path),
  });
  await symlink(join(process.cwd(), "node_modules"), join(clone, "node_modules"));
  return clone;
}

export async function testStack(name: string): Promise<TestStack> {
  await removeContainersOf(name);
  const state = await mkdtemp(join(tmpdir(), "ascend-pd-test-"));
  let stack: LocalStack = await openStack(name, "config: {}\n", state, process.env);

  async function pulumi(command: string, ...args: string[]) {
    const { code, stdout, stderr } = await tryRun(
      "pulumi",
      [command, ...args, ...stack.args, "--non-interactive", "--color=never"],
      { env: stack.env },
    );
    return { code, output: stdout + stderr };
  }

  return {
    name,
    pulumi,
    async up(onStep = () => {}, project = ".") {
      const steps: ResourceStep[] = [];
      const args = ["up", "--yes", "--skip-preview", `--cwd=${project}`, ...stack.args];
      const run = await runPulumi(args, stack.env, (step) => {
        steps.push(step);
        onStep(step);
      });
      return { ...run, steps };
    },
    async upKilledAt(isMoment, signal = "SIGKILL") {
      let pulumi: number | undefined;
      let isReached = false;
      await runPulumi(
        ["up", "--yes", "--skip-preview", ...stack.args],
        stack.env,
        (step) => {
          if (isReached || pulumi === undefined || !isMoment(step)) return;
          isReached = true;
          process.kill(pulumi, signal);
        },
        (pid) => {
          pulumi = pid;
        },
      );
      if (!isReached) throw new Error("the moment did not come");
      await recoverStack(stack, () => {});
    },
    local: () => stack,
    async configure(deployment) {
      const file = stringify({ config: { "ascend-pd:deployment": deployment } });
      stack = await openStack(name, file, state, process.env);
    },
    async previewed() {
      const steps: Record<string, string[]> = {};
      const { code, output } = await pulumi("preview", "--json");
      if (code !== 0) throw new Error(output);
      for (const { op, urn } of JSON.parse(output).steps as { op: string; urn: string }[]) {
        if (op === "same" || op === "read") continue;
        steps[op] = [...(steps[op] ?? []), urn.split("::").at(-1) ?? urn].sort();
      }
      return steps;
    },
    async dispose() {
      // The plugins of a pulumi that was killed live on for minutes, and go on with what they were doing.
      if ((await endProcessesNaming(state)) > 0) await recoverStack(stack, () => {});
      await runPulumi(["destroy", "--yes", "--skip-preview", ...stack.args], stack.env, () => {});
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** The Plan that a deployment of this name must become. */
export function planOf(stack: string, deployment: unknown): Plan {
  const result = makePlan(stack, deployment);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

/** Names of all containers of a stack on an engine, running or not. */
export async function containersOf(stack: string, engine = docker): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`ascend-pd.stack=${stack}`] }));
  const { body } = await callEngine(engine, `/containers/json?all=1&filters=${filters}`);
  return (JSON.parse(body) as { Names: string[] }[]).map(({ Names }) => (Names[0] ?? "").slice(1)).sort();
}

/** What a run that was cut off has left would be in the way of this one. */
export async function removeContainersOf(stack: string): Promise<void> {
  for (const name of await containersOf(stack))
    await expectEngine(docker, `/containers/${name}?force=1&v=1`, { method: "DELETE" });
}

export async function inspectContainer(name: string, engine = docker) {
  return JSON.parse((await callEngine(engine, `/containers/${name}/json`)).body);
}

/** A text file of a container, running or not, as the engine's archive of it says. */
export async function fileOf(name: string, path: string) {
  const query = `path=${encodeURIComponent(path)}`;
  const { status, body } = await callEngine(docker, `/containers/${name}/archive?${query}`);
  if (status !== 200) throw new Error(body);
  const file = archivedFile(body);
  if (file === undefined) throw new Error(`${path} of ${name} is no file`);
  return file;
}

/** Everything that a container has written, with Docker's own 8 bytes before each line. */
export async function logOf(name: string): Promise<string> {
  return (await callEngine(docker, `/containers/${name}/logs?stdout=1&stderr=1`)).body;
}

/** One prefill and one decode of the simulator on this machine, at ports that no stack of stacks/ uses. */
export function simulated1p1d(base: number) {
  return {
    engine: { kind: "simulated", sharedMemory: "128m", ulimits: { nofile: 4096, core: 0 } },
    model: {
      path: "/models/test",
      servedName: "test-model",
      maxModelLen: 4096,
      maxNumSeqs: 256,
      maxNumBatchedTokens: 4096,
    },
    hosts: { local: { address: "127.0.0.1" } },
    prefill: [{ host: "local", devices: [4, 5], port: base }],
    decode: [{ host: "local", devices: [6, 7], port: base + 1 }],
    scheduler: { host: "local", port: base + 2 },
  };
}
