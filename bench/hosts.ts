import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStack } from "../cli/stack.ts";
import { run } from "../system/programs.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import type { Context } from "../toolchain/context.ts";
import { type LocalHosts, removeHosts, requireHosts, startHosts } from "../toolchain/local-hosts/hosts.ts";
import { machine } from "./machine.ts";

// Seconds and memory of `pulumi` for stacks over more and more hosts behind SSH, one simulated instance each. The hosts
// are made on this machine and share its cores, so the figures are upper bounds. README.md in this folder says how to
// run it.

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
    let mebibytes = 0;
    const sampling = setInterval(async () => {
      mebibytes = Math.max(mebibytes, await resident());
    }, 500);
    const seconds = async (...args: string[]) => {
      const start = performance.now();
      await run("pulumi", [...args, "--non-interactive", ...stack.args], { env: stack.env });
      return Math.round(performance.now() - start) / 1000;
    };
    const row = {
      hosts: count,
      up: await seconds("up", "--yes", "--skip-preview"),
      previewWithoutChange: await seconds("preview", "--expect-no-changes"),
      destroy: await seconds("destroy", "--yes", "--skip-preview"),
    };
    clearInterval(sampling);
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
