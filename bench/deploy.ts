import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStack } from "../cli/stack.ts";
import { readStackFile } from "../cli/stack-file.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import type { ContainerPlan, Plan } from "../planning/plan.ts";
import { run } from "../system/programs.ts";
import { machine, spread } from "./machine.ts";

// Wall-clock seconds of sim-1p1d: by `pulumi`, and by hand as the manual does it (`docker run` per container, waiting
// for each in turn) with the images already built. In one run, in turn. README.md in this folder says how to run it.

const name = "sim-1p1d";
const rounds = Number(process.argv[2] ?? 5);
const result = makePlan(name, readStackFile(name).deployment);
if ("problems" in result) throw new Error(`${name} has problems`);
const { plan } = result;

const state = await mkdtemp(join(tmpdir(), "ascend-pd-bench-"));
const text = JSON.stringify({ config: { "ascend-pd:deployment": readStackFile(name).deployment } });
const stack = await openStack(name, text, state, process.env);
const seconds: Record<string, number[]> = {};

await measure("ignored: first up builds the images", () => pulumi("up", "--yes", "--skip-preview"));
const images = new Map<string, string>();
for (const container of plan.containers) {
  images.set(
    container.name,
    (await run("docker", ["inspect", "-f", "{{.Config.Image}}", container.name])).trim(),
  );
}
for (const image of new Set(images.values())) await run("docker", ["tag", image, `bench-${image}`]);
await pulumi("destroy", "--yes", "--skip-preview");

for (let round = 0; round < rounds; round++) {
  await measure("pulumi preview, nothing there", () => pulumi("preview"));
  await measure("pulumi up", () => pulumi("up", "--yes", "--skip-preview"));
  await measure("pulumi preview, nothing to change", () => pulumi("preview", "--expect-no-changes"));
  await measure("pulumi up, nothing to change", () => pulumi("up", "--yes", "--skip-preview"));
  await measure("pulumi destroy", () => pulumi("destroy", "--yes", "--skip-preview"));
  await measure("by hand: docker run, wait, completion", () => byHand(plan));
  await measure("by hand: docker rm", () =>
    run("docker", ["rm", "-f", ...plan.containers.map((c) => c.name)]),
  );
}
for (const image of new Set(images.values())) await run("docker", ["rmi", `bench-${image}`]);
await rm(state, { recursive: true });

const rows = Object.entries(seconds)
  .filter(([what]) => !what.startsWith("ignored"))
  .map(([what, times]) => ({ what, ...spread(times) }));
const report = {
  measured: new Date().toISOString().slice(0, 10),
  machine: machine(),
  stack: name,
  rounds,
  unit: "seconds",
  rows,
};
await mkdir("bench/results", { recursive: true });
await writeFile("bench/results/deploy.json", `${JSON.stringify(report, undefined, 2)}\n`);
console.table(rows);

async function measure(what: string, body: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await body();
  seconds[what] = [...(seconds[what] ?? []), Math.round(performance.now() - started) / 1000];
}

function pulumi(command: string, ...args: string[]): Promise<string> {
  return run("pulumi", [command, ...args, ...stack.args, "--non-interactive"], { env: stack.env });
}

async function byHand({ containers, endpoint, servedModelName }: Plan): Promise<void> {
  for (const container of containers) await startByHand(container);
  const response = await fetch(`${endpoint}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: servedModelName, prompt: "Say hello.", max_tokens: 8 }),
    headers: { "content-type": "application/json" },
  });
  if (!response.ok) throw new Error(await response.text());
}

async function startByHand(container: ContainerPlan): Promise<void> {
  const tables = await mkdtemp(join(state, "tables-"));
  const mounts: string[] = [];
  for (const { path, content } of container.files) {
    const file = join(tables, path.replaceAll("/", "_"));
    await writeFile(file, content, { mode: 0o644 });
    mounts.push("-v", `${file}:${path}:ro`);
  }
  await run("docker", [
    "run",
    "-d",
    "--net=host",
    ...container.devices.map(({ hostPath, containerPath }) => `--device=${hostPath}:${containerPath}`),
    ...Object.entries(container.env).map(([key, value]) => `--env=${key}=${value}`),
    ...mounts,
    "--name",
    container.name,
    `bench-${images.get(container.name)}`,
    ...container.command,
  ]);
  const ready = `http://127.0.0.1:${container.port}${container.readyPath}`;
  while (
    !(await fetch(ready).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((r) => setTimeout(r, 100));
}
