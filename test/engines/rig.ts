import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rankTable } from "../testing/rank-table.ts";

/*
 * Real vLLM engines on CPUs, and a scheduler in front, as processes of their own.
 */

export const MODEL = "tiny";
export const BLOCK_TOKENS = 32;
export const MAX_SEQUENCES = 32;

export const START_LIMIT_MS = 400_000;
const STOP_LIMIT_MS = 15_000;

/** Below those of outgoing connections, of which one could take it before the engine does. No run begins at another's. */
let nextPort = 20_000 + 40 * (process.pid % 300);

/** Folders of what is run, and of what it writes. */
export interface Place {
  readonly venv: string;
  readonly model: string;
  readonly logs: string;
}

export interface Running {
  readonly name: string;
  readonly url: string;
  readonly log: string;
  readonly pid: number;
  readonly hasEnded: boolean;
  stop(): Promise<void>;
  /** As the kernel does when memory is short. */
  kill(): Promise<void>;
}

export interface Pair {
  readonly prefill: Running;
  readonly decode: Running;
}

type Role = "plain" | "prefill" | "decode";

const KV_ROLES = { prefill: "kv_producer", decode: "kv_consumer" };

/** Resolves when it serves. `plain` has no connector: what others are compared with. */
export async function startEngine(
  role: Role,
  { venv, model, logs }: Place,
  more: readonly string[] = [],
  port?: number,
): Promise<Running> {
  port ??= await freePort();
  const kvTransfer =
    role === "plain"
      ? []
      : [
          "--kv-transfer-config",
          JSON.stringify({
            kv_connector: "NixlConnector",
            kv_role: KV_ROLES[role],
            kv_buffer_device: "cpu",
            kv_connector_extra_config: { num_threads: 0 },
          }),
        ];
  const engine = start(
    logs,
    role,
    "nice",
    [
      "-n",
      "10",
      join(venv, "bin/vllm"),
      "serve",
      model,
      `--served-model-name=${MODEL}`,
      "--host=127.0.0.1",
      `--port=${port}`,
      // Exact enough that a batch's other members never change which token is best.
      "--dtype=float32",
      "--max-model-len=2048",
      `--block-size=${BLOCK_TOKENS}`,
      "--enforce-eager",
      `--max-num-seqs=${MAX_SEQUENCES}`,
      // A seeded request whose prompt is computed in pieces ends a CPU engine: its random numbers cannot be taken back.
      "--no-enable-chunked-prefill",
      "--enable-auto-tool-choice",
      "--tool-call-parser=hermes",
      // In the engine's own process: workers of their own are told by shared memory, on which they spin.
      "--distributed-executor-backend=vllm.v1.executor.uniproc_executor.UniProcExecutor",
      ...kvTransfer,
      ...more,
    ],
    `http://127.0.0.1:${port}`,
    {
      // Else it may end before it has said that its core is dead.
      VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: "1",
      VLLM_ENABLE_RESPONSES_API_STORE: "1",
      HF_HUB_OFFLINE: "1",
      TRANSFORMERS_OFFLINE: "1",
      HF_HOME: join(logs, "huggingface"),
      VLLM_CACHE_ROOT: join(logs, "vllm"),
      VLLM_NO_USAGE_STATS: "1",
      VLLM_CPU_KVCACHE_SPACE: "1",
      VLLM_CPU_OMP_THREADS_BIND: "nobind",
      OMP_NUM_THREADS: "1",
      UCX_TLS: "tcp,self,sm",
      // Else it takes an address that it finds, as of a container's bridge, with which KV cache is out of reach.
      UCX_NET_DEVICES: "lo",
      VLLM_NIXL_SIDE_CHANNEL_HOST: "127.0.0.1",
      VLLM_NIXL_SIDE_CHANNEL_PORT: String(await freePort()),
    },
  );
  return ready(engine, "/health");
}

export async function startPair(place: Place, ofPrefill: readonly string[] = []): Promise<Pair> {
  const [prefill, decode] = await Promise.all([
    startEngine("prefill", place, ofPrefill),
    startEngine("decode", place),
  ]);
  return { prefill, decode };
}

/** The scheduler of `checkout`, which need not be this one; resolves when both instances get requests. */
export async function startScheduler(
  checkout: string,
  { prefill, decode }: Pair,
  logs: string,
  more: readonly string[] = [],
): Promise<Running> {
  const port = await freePort();
  const table = join(logs, "global-rank-table.json");
  writeFileSync(table, rankTable(1, 1));
  const scheduler = start(
    logs,
    "scheduler",
    process.execPath,
    [
      join(checkout, "scheduler/main.ts"),
      "--host=127.0.0.1",
      `--port=${port}`,
      `--served-model-name=${MODEL}`,
      ...more,
    ],
    `http://127.0.0.1:${port}`,
    {
      GLOBAL_RANK_TABLE_FILE_PATH: table,
      NODE_PORTS: [prefill, decode].map(({ url }) => new URL(url).port).join(","),
    },
  );
  return ready(scheduler, "/readyz");
}

export async function stopAll(running: readonly (Running | undefined)[]): Promise<void> {
  await Promise.all(running.map((one) => one?.stop()));
}

function start(
  logs: string,
  name: string,
  command: string,
  args: readonly string[],
  url: string,
  env: Record<string, string>,
): Running {
  const log = join(logs, `${name}.log`);
  const out = openSync(log, "a");
  // A group of its own, so that what it starts ends with it.
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", out, out],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  closeSync(out);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} cannot be started: ${command}`);
  const killGroup = () => signalGroup(pid, "SIGKILL");
  process.on("exit", killGroup);
  return {
    name,
    url,
    log,
    pid,
    get hasEnded() {
      return ended(child);
    },
    async stop() {
      signalGroup(pid, "SIGTERM");
      if (!ended(child))
        await Promise.race([once(child, "exit"), sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
      killGroup();
      process.off("exit", killGroup);
    },
    async kill() {
      killGroup();
      if (!ended(child)) await once(child, "exit");
    },
  };
}

async function ready(running: Running, path: string): Promise<Running> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const answer = await fetch(running.url + path).catch(() => undefined);
    if (answer?.ok) return running;
    if (running.hasEnded) throw new Error(`${running.name} has ended: see ${running.log}`);
    if (Date.now() > deadline) {
      await running.stop();
      throw new Error(`${running.name} is not ready after ${START_LIMIT_MS / 1000} s: see ${running.log}`);
    }
    await sleep(250);
  }
}

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended.
  }
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
