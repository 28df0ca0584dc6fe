import { mkdir, writeFile } from "node:fs/promises";
import { askHost } from "../cli/drift/ask-host.ts";
import type { Plan } from "../planning/plan.ts";
import { createAscendcloud, npuNode } from "./testing/created-ascendcloud.ts";
import { planOf, simulated1p1d, testStack } from "./testing/stacks.ts";

// Writes cli/testing/inspects/: what a real engine says of untouched containers of both kinds of engine, with the Plan
// that they were made from.
// Usage: npm run toolchain -- --engine exec node test/capture-inspects.ts

const folder = "cli/testing/inspects";
await mkdir(folder, { recursive: true });

const deployment = simulated1p1d(18480);
const stack = await testStack("recorded");
try {
  await stack.configure(deployment);
  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
  if (code !== 0) throw new Error(output);
  await record("simulated", planOf(stack.name, deployment));
} finally {
  await stack.dispose();
}
const created = await createAscendcloud("recorded-ac");
await record("ascendcloud", created.plan).finally(created.dispose);

async function record(name: string, plan: Plan): Promise<void> {
  const [host] = plan.hosts;
  const answer = host && (await askHost(plan, host));
  if (answer === undefined || "problem" in answer) throw new Error(answer?.problem);
  const { containers, images, files } = answer;
  const own = containers.filter(({ Config }) => Config.Labels["ascend-pd.stack"] === plan.stack);
  const recorded = {
    plan,
    containers: own,
    images: [...images],
    files: [...files].map(([id, seen]) => [id, [...seen]]),
  };
  const text = JSON.stringify(recorded, undefined, 1)
    .replaceAll(/\/tmp\/ascend-pd-sources-\w+/g, "/sources")
    .replaceAll(npuNode, "/dev/davinci");
  await writeFile(`${folder}/${name}.json`, `${text}\n`);
  console.log(name);
}
