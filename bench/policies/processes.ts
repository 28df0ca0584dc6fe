import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rankTable } from "../../test/testing/rank-table.ts";

export interface Process {
  readonly url: string;
  stop(): Promise<void>;
}

const LISTENS = /^(?:simulated|scheduler) .*?:(\d+)(?:$| )/m;

async function start(main: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Process> {
  const child = spawn(process.execPath, [main, "--host=127.0.0.1", "--port=0", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const port = await portOf(child);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      // Read to the end: a pipe that is full holds a program up.
      stream?.on("data", (text) => {
        if (output.length < 10_000) output += text;
        const found = LISTENS.exec(output)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
    }
    child.once("close", (code) => reject(new Error(`exit code ${code}: ${output.trim()}`)));
  });
}

export function simulator(role: "prefill" | "decode", args: readonly string[]): Promise<Process> {
  return start("simulator/main.ts", [`--role=${role}`, "--model=/m", "--served-model-name=sim", ...args]);
}

/** A scheduler for those instances; resolves when it is ready. */
export async function scheduler(
  folder: string,
  policy: string,
  prefill: readonly Process[],
  decode: readonly Process[],
): Promise<Process> {
  const table = join(folder, "global.json");
  writeFileSync(table, rankTable(prefill.length, decode.length));
  const ports = [...prefill, ...decode].map(({ url }) => new URL(url).port);
  const started = await start(
    "scheduler/main.ts",
    ["--served-model-name=sim", `--prefill-routing-policy=${policy}`],
    { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: ports.join(",") },
  );
  for (;;) {
    const state = (await (await fetch(`${started.url}/readyz`)).json()) as {
      prefill: number;
      decode: number;
    };
    if (state.prefill === prefill.length && state.decode === decode.length) return started;
    await sleep(50);
  }
}
