import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { defaultHost } from "../../docker/api.ts";
import { engineSchema } from "../../planning/engines/index.ts";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { Plan } from "../../planning/plan.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { formatProblems } from "../../problems/problem.ts";
import { defaultCacheDir, withLock } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { stopDockerEngine } from "../../toolchain/docker-engine.ts";
import { openState, stateDir } from "../../toolchain/state.ts";
import { ensureToolchain } from "../../toolchain/toolchain.ts";
import { ensureVllmImage } from "../../toolchain/vllm/image.ts";
import { streamChat } from "../chat.ts";
import { planTable } from "../plan-table.ts";
import { complain, print, printPiece } from "../print.ts";
import { type PulumiRun, runPulumi } from "../pulumi.ts";
import { recoverStack } from "../recover.ts";
import { closeStack, isOpen, openStack } from "../stack.ts";
import { readStackFile, stackNames } from "../stack-file.ts";
import { UserError } from "../user-error.ts";
import { freshHosts, onLocalHosts, removeDemoHosts, runningHosts, sshHosts } from "./hosts.ts";
import { describeStep } from "./steps.ts";

const usage = `usage: npm run demo [-- [--stack NAME | --hosts N] [--explain]]
       npm run demo:down [-- [--stack NAME]]

Brings up a stack with the real Pulumi engine on a real Docker Engine, sends a chat completion through its
scheduler and prints the answer as it streams. No NPU is needed. What is missing on the machine is installed
first; a second run changes nothing.

  --stack NAME   a stack of stacks/ that needs no NPU: one that is simulated (default: sim-1p1d), or vllm-cpu-1p1d,
                 public vLLM on CPUs with a tiny model, which takes 12 GB of disk and some minutes the first time
  --hosts N      the simulated stack whose instances stand on N hosts behind SSH; the hosts are made on this machine,
                 from network namespaces with a Docker Engine and an sshd each (as root)
  --down         destroy what the demo made; without --stack, of every such stack
  --explain      say for each tool which one was chosen, and why
  --help         this text

examples:
  npm run demo
  npm run demo -- --stack sim-2p2d
  npm run demo -- --hosts 4
  npm run demo -- --stack vllm-cpu-1p1d
  npm run demo:down

exit codes: 0 done, 1 it failed, 2 the command line or the stack file is wrong`;

const prompt = "Why do prefill and decode run on NPUs of their own?";

async function main(): Promise<void> {
  const options = commandLine();
  if (options.help) return print(usage);
  const chosen = options.hosts === undefined ? options.stack : stackOnHosts(options.hosts);
  const context: Context = { cacheDir: defaultCacheDir(), say: (line) => print(`  ${line}`) };
  await openState();
  await withLock(context, "demo", async () => {
    if (options.down) await takeDown(context, chosen ? [chosen] : demoStacks(), options.explain);
    else await bringUp(context, chosen ?? "sim-1p1d", options.explain);
  });
}

function commandLine() {
  try {
    const { values } = parseArgs({
      options: {
        stack: { type: "string" },
        hosts: { type: "string" },
        down: { type: "boolean", default: false },
        explain: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}

async function bringUp(context: Context, name: string, explain: boolean): Promise<void> {
  const declared = demoPlan(name, readStackFile(name).deployment);
  print(`\n${name}: ${declared.containers.length} containers\n\n${indented(planTable(declared))}\n`);

  const { stack, deployment } = await prepare(context, name, explain);
  if (declared.containers.some(({ image }) => image.kind === "assembled")) {
    const { chosen, why } = await ensureVllmImage(context, stack.env.DOCKER_HOST || defaultHost);
    if (explain) context.say(`vLLM image: ${chosen} (${why})`);
  }
  const changed = await pulumi(["up", "--refresh", "--skip-preview", "--yes", ...stack.args], stack.env);
  print(changed ? "" : "\nNothing to change: everything runs already.\n");

  const plan = demoPlan(name, deployment);
  if (hasTinyModel(plan))
    print("The model is real and tiny, its weights are random: it answers with nonsense.\n");
  print(`> ${prompt}\n`);
  for await (const text of streamChat(plan.endpoint, plan.servedModelName, prompt, 48)) printPiece(text);
  print(`\n\n${nextSteps(plan)}`);
}

async function takeDown(context: Context, names: readonly string[], explain: boolean): Promise<void> {
  for (const name of names.filter((name) => isOpen(name, stateDir()))) {
    const { stack } = await prepare(context, name, explain);
    print(`\n${name}`);
    await pulumi(["destroy", "--refresh", "--skip-preview", "--yes", ...stack.args], stack.env);
    await closeStack(stack);
    await removeDemoHosts(context, name);
  }
  print(`\nNothing of ${names.join(", ")} is deployed.`);
  const others = demoStacks().filter((name) => isOpen(name, stateDir()));
  if (others.length > 0) return print(`The Docker Engine stays: ${others.join(", ")} is deployed on it.`);

  const engine = await stopDockerEngine(context);
  if (engine === "stopped") print("The Docker Engine that the demo had started is stopped.");
  print(`
What is left, and what removes it:
  ${context.cacheDir}: tools; npm run toolchain -- clean
  ${stateDir()}: state and image layers; rm -r ${stateDir()}`);
}

async function prepare(context: Context, name: string, explain: boolean) {
  const { where, deployment } = readStackFile(name);
  const count = sshHosts(deployment).length;
  const { env, choices } = await ensureToolchain(context, { engine: count === 0 });
  if (explain) for (const { part, chosen, why } of choices) context.say(`${part}: ${chosen} (${why})`);
  // Hosts behind SSH are reached whatever engine DOCKER_HOST names.
  const engine = count > 0 ? { DOCKER_HOST: undefined } : {};
  const open = (text: string) => openStack(name, text, stateDir(), { ...process.env, ...env, ...engine });
  const text = readFileSync(where, "utf8");
  if (count === 0) {
    const stack = await open(text);
    await recoverStack(stack, context.say);
    return { stack, deployment };
  }

  const running = await runningHosts(name);
  if (running === undefined && isOpen(name, stateDir())) {
    context.say(`the hosts of the last run are gone, and with them all of ${name}`);
    await closeStack(await open(text), { force: true });
  }
  const hosts = running ?? (await freshHosts(context, name, count));
  Object.assign(process.env, hosts.env);
  const placed = onLocalHosts(deployment, hosts);
  const stack = await open(stringify({ config: { "ascend-pd:deployment": placed } }));
  await recoverStack(stack, context.say);
  return { stack, deployment: placed };
}

/** Runs `pulumi` with a line per step; says whether it changed anything. Throws with the engine's errors. */
async function pulumi(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const started = Date.now();
  print(`  pulumi ${args[0]}`);
  const result: PulumiRun = await runPulumi(args, env, (step) => {
    const line = describeStep(step);
    if (line) print(`  ${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  });
  if (result.code !== 0) throw new Error(result.errors.join("\n"));
  return Object.keys(result.changes).some((op) => op !== "same");
}

function demoPlan(name: string, deployment: unknown): Plan {
  const where = `stacks/Pulumi.${name}.yaml`;
  const result = makePlan(name, deployment);
  if ("problems" in result) throw new UserError(formatProblems(where, result.problems));
  if (!runsAnywhere(deployment)) {
    const what = result.plan.kubernetes === undefined ? "Ascend hosts" : "a Kubernetes cluster";
    throw new UserError(
      `${where} is for ${what}; the demo runs stacks that need neither: ${demoStacks().join(", ")}\n` +
        `fix: preview it with \`npm run pulumi -- preview --stack ${name}\``,
    );
  }
  if (result.plan.api !== "openai") {
    throw new UserError(
      `${where} serves vLLM's own API, and the demo chats over OpenAI's\nfix: remove useOpenai`,
    );
  }
  return result.plan;
}

function demoStacks(): string[] {
  return stackNames().filter((name) => runsAnywhere(readStackFile(name).deployment));
}

/** Whether it runs without NPUs and a cluster; what else is wrong with it does not matter here. */
function runsAnywhere(deployment: unknown): boolean {
  const { engine, target } = Object(deployment);
  return target === undefined && engineSchema.safeParse(engine).data?.needsNpus === false;
}

/** The assembled image has one, beside what a stack file mounts. */
function hasTinyModel({ containers }: Plan): boolean {
  return containers.some(({ image, mounts }) => image.kind === "assembled" && mounts.length === 0);
}

/** The simulated stack that has as many hosts behind SSH. */
function stackOnHosts(number: string): string {
  const counts = demoStacks().map((name) => ({
    name,
    count: sshHosts(readStackFile(name).deployment).length,
  }));
  const found = counts.find(({ count }) => count > 0 && String(count) === number);
  if (found !== undefined) return found.name;
  const numbers = counts.map(({ count }) => count).filter((count) => count > 0);
  throw new UserError(
    `there is no simulated stack for ${number} hosts\nfix: --hosts ${numbers.join(" or ")}`,
  );
}

function nextSteps({ stack, endpoint, servedModelName }: Plan): string {
  const others = demoStacks().filter((name) => name !== stack);
  return `The scheduler listens at ${endpoint}. Try:

  curl -N ${endpoint}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model": "${servedModelName}", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'

${others.map((name) => `  npm run demo -- --stack ${name}`).join("\n")}
  npm run demo:down`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

main().catch((error: unknown) => {
  if (error instanceof FixableError) complain(`\n${error.message}\nfix: ${error.fix}`);
  else complain(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
});
