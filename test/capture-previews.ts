import { mkdir, readFile, writeFile } from "node:fs/promises";
import { run } from "../system/programs.ts";
import { docker, simulated1p1d, testStack } from "./testing/stacks.ts";

// Writes cli/testing/previews/: what the real engine says about changes of a real deployment, in `pulumi preview --json`.
// Usage: npm run toolchain -- --engine exec node test/capture-previews.ts

const folder = "cli/testing/previews";
const base = 18700;
const deployment = simulated1p1d(base);
const { model } = deployment;
const second = { host: "local", devices: [2, 3], port: base + 3 };
const twoPrefill = { ...deployment, prefill: [...deployment.prefill, second] };
const pinnedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";
const overSsh = { address: "127.0.0.1", docker: "ssh://root@127.0.0.1", hostKey: pinnedKey };

/** Of a resource's state: what differs from run to run, and what says nothing about a change. */
const leftOut = /^(sourcePosition|stackTrace|created|modified|propertyDependencies|dependencies|duration)$/;

const changes: Readonly<Record<string, object>> = {
  "no-change": deployment,
  "changed-port": { ...deployment, decode: [{ host: "local", devices: [6, 7], port: base + 9 }] },
  "changed-limit": { ...deployment, model: { ...model, maxModelLen: 2048 } },
  "changed-routing": { ...deployment, scheduler: { ...deployment.scheduler, routingPolicy: "BLB" } },
  "changed-timeout": { ...deployment, engine: { kind: "simulated", startTimeoutSeconds: 90 } },
  "changed-address": { ...deployment, hosts: { local: { address: "localhost" } } },
  "changed-endpoint": { ...deployment, hosts: { local: overSsh } },
  "moved-npus": { ...deployment, decode: [{ host: "local", devices: [0, 1], port: base + 1 }] },
  "added-instance": twoPrefill,
  "renamed-instance": {
    ...deployment,
    decode: [{ name: "long", host: "local", devices: [6, 7], port: base + 1 }],
  },
  refused: { ...deployment, decode: [{ host: "local", devices: [5, 6], port: base + 1 }] },
};

await mkdir(folder, { recursive: true });
const stack = await testStack("pv");
try {
  await stack.configure(deployment);
  await capture("create-all");
  await up();
  for (const [name, changed] of Object.entries(changes)) {
    await stack.configure(changed);
    await capture(name);
  }
  await stack.configure(deployment);
  const dockerfiles = ["simulator/Dockerfile", "scheduler/Dockerfile"];
  const contents = await Promise.all(dockerfiles.map((file) => readFile(file, "utf8")));
  const writeAll = (end: string) =>
    Promise.all(dockerfiles.map((file, index) => writeFile(file, `${contents[index]}${end}`)));
  await writeAll("# changed\n");
  await capture("changed-image").finally(() => writeAll(""));
  await run("docker", ["stop", "pv-decode-0"]);
  await capture("drift-stopped", "--refresh");
  await run("docker", ["rm", "-f", "pv-decode-0"]);
  await capture("drift-removed", "--refresh");
  await stack.configure(twoPrefill);
  await up("--refresh");
  await stack.configure(deployment);
  await capture("removed-instance");
  await write("refresh", (await stack.pulumi("refresh", "--preview-only", "--json")).output);
  await write("destroy", (await stack.pulumi("destroy", "--preview-only", "--json")).output);
} finally {
  await stack.dispose();
}

async function up(...args: string[]): Promise<void> {
  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview", ...args);
  if (code !== 0) throw new Error(output);
}

async function capture(name: string, ...args: string[]): Promise<void> {
  await write(name, (await stack.pulumi("preview", "--json", ...args)).output);
}

/** Keeps what a fixture needs, a step a line. */
async function write(name: string, json: string): Promise<void> {
  const { steps, ...rest } = JSON.parse(json, function (key, value) {
    const isUnread = key === "outputs" && this.type !== "pulumi:pulumi:Stack";
    if (leftOut.test(key) || isUnread) return undefined;
    return value === docker ? "unix:///var/run/docker.sock" : value;
  });
  const lines = steps.map((step: { op: string; urn: string }) =>
    JSON.stringify(step.op === "refresh" ? { op: step.op, urn: step.urn } : step),
  );
  const head = JSON.stringify(rest).slice(1);
  await writeFile(`${folder}/${name}.json`, `{"steps":[\n${lines.join(",\n")}\n],${head}\n`);
  console.log(name);
}
