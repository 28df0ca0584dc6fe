import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openStack } from "../cli/stack.ts";
import { run } from "../system/programs.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import type { Context } from "../toolchain/context.ts";
import { type LocalHosts, removeHosts, requireHosts, startHosts } from "../toolchain/local-hosts/hosts.ts";
import { machine } from "./machine.ts";

// Seconds, processor time and memory of `pulumi` for stacks over more and more hosts behind SSH, one simulated instance
// each. The hosts are made on this machine and share its cores, so what they take is told apart. README.md in this
// folder says how to run it.

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [5, 10, 20];
const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };
await requireHosts(context);
const rows: object[] = [];
for (const count of counts) rows.push(await measured(count));
const report = { measured: new Date().toISOString().slice(0, 10), machine: machine(), rows };
await writeFile("bench/results/hosts.json", `${JSON.stringify(report, undefined, 2)}\n`);
console.log(report);

async function measured(count: number) {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-bench-"));
  try {
    const hosts = await startHosts(context, folder, count);
    const text = JSON.stringify({ config: { "ascend-pd:deployment": deploymentOn(hosts) } });
    const env = { ...process.env, ...hosts.env };
    const stack = await openStack(`bench-${count}-hosts`, text, join(folder, "state"), env);
    Object.assign(process.env, hosts.env);
    const pulumi = (...args: string[]) =>
      run("pulumi", [...args, "--non-interactive", ...stack.args], { env: stack.env });
    const up = ["up", "--yes", "--skip-preview"];
    const destroy = ["destroy", "--yes", "--skip-preview"];
    const row = {
      hosts: count,
      // The Node image is sent to each host.
      firstUp: await cost(() => pulumi(...up)),
      previewWithoutChange: await cost(() => pulumi("preview", "--expect-no-changes")),
      destroy: await cost(() => pulumi(...destroy)),
      up: await cost(() => pulumi(...up)),
    };
    await pulumi(...destroy);
    // By itself, for looking at memory takes time from what is looked at.
    const mebibytes = await mostMemory(() => pulumi(...up));
    await pulumi(...destroy);
    return { ...row, mebibytes };
  } finally {
    await removeHosts(context, folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Half of the hosts have a prefill instance, the others a decode instance. */
function deploymentOn({ hosts }: LocalHosts) {
  const declared = hosts.map(({ address, docker, hostKey }, index) => [
    `host-${index}`,
    { address, docker, hostKey },
  ]);
  const on = (index: number, port: number) => ({ host: `host-${index}`, devices: [0, 1], port });
  const half = Math.ceil(hosts.length / 2);
  return {
    engine: { kind: "simulated" },
    model: { path: "/models/bench", servedName: "bench", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: Object.fromEntries(declared),
    prefill: hosts.slice(0, half).map((_, index) => on(index, 8088)),
    decode: hosts.slice(half).map((_, index) => on(half + index, 8089)),
    scheduler: { host: "host-0", port: 9000 },
  };
}

/** Seconds that pass, and those of processor time: of what this process starts, and of all else, which is the hosts. */
async function cost(work: () => Promise<unknown>) {
  const [start, own, all] = [performance.now(), await ofChildren(), ofMachine()];
  await work();
  const [end, ownAfter, allAfter] = [performance.now(), await ofChildren(), ofMachine()];
  const pulumi = ownAfter - own;
  const rounded = (seconds: number) => Math.round(seconds * 10) / 10;
  return {
    seconds: rounded((end - start) / 1000),
    pulumi: rounded(pulumi),
    hosts: rounded(allAfter - all - pulumi),
  };
}

/** Of those that have ended, with theirs. */
async function ofChildren(): Promise<number> {
  const status = await readFile("/proc/self/stat", "utf8");
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  // In hundredths for every program, whatever the kernel counts by.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function ofMachine(): number {
  const milliseconds = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return milliseconds.reduce((sum, one) => sum + one, 0) / 1000;
}

async function mostMemory(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  const sampling = setInterval(async () => {
    most = Math.max(most, await resident());
  }, 500);
  await work();
  clearInterval(sampling);
  return most;
}

/**
 * Memory of the `pulumi` that this process has started: engine, plugins, program, probes. Not of the hosts. What several
 * of them share, as the text of one program, counts once.
 */
async function resident(): Promise<number> {
  const table = (await run("ps", ["-e", "-o", "pid=,ppid=,comm="])).trim().split("\n");
  const processes = table.map((line) => line.trim().split(/\s+/));
  const counted = new Set<string>();
  let kibibytes = 0;
  // Parents come first, save where the numbers of processes have wrapped around.
  for (const [pid = "", parent = "", program] of processes) {
    const isPulumi = parent === String(process.pid) && program === "pulumi";
    if (!isPulumi && !counted.has(parent)) continue;
    counted.add(pid);
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    kibibytes += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return Math.round(kibibytes / 1024);
}
