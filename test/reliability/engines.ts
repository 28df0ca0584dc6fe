import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { configOf } from "../../simulator/config.ts";
import { Flags } from "../../simulator/flags.ts";
import { type Simulator, startSimulator } from "../../simulator/server.ts";

/** A simulated engine in this process, or in one of its own that can be killed. */
export interface Engine {
  readonly port: number;
  /** KV blocks and requests that it has now. */
  taken(): Promise<number>;
  kill(signal: "SIGKILL" | "SIGSTOP"): Promise<void>;
  restart(): Promise<void>;
  close(): void;
}

export async function ownEngine(flags: readonly string[]): Promise<Engine> {
  const config = configOf(new Flags([...flags, "--port=0"]), undefined, {});
  const simulator: Simulator = await startSimulator(config, () => {});
  const cannot = async () => {
    throw new Error("this engine is no process");
  };
  return {
    port: simulator.port,
    async taken() {
      const { running, waiting, kvBlocksUsed } = simulator.engine.gauges;
      return running + waiting + kvBlocksUsed;
    },
    kill: cannot,
    restart: cannot,
    close: () => void simulator.close(0),
  };
}

export async function processEngine(flags: readonly string[]): Promise<Engine> {
  let child: ChildProcess;
  let stopped = false;
  const start = async (port: number): Promise<number> => {
    child = spawn(process.execPath, ["simulator/main.ts", ...flags, `--port=${port}`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [said] = await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    return Number(/:(\d+)\s*$/.exec(`${said}`)?.[1]);
  };
  const port = await start(0);
  return {
    port,
    async taken() {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"]
        .map((name) => Number(new RegExp(`^${name}\\{.*\\} (.*)$`, "m").exec(text)?.[1]))
        .reduce((sum, one) => sum + one, 0);
    },
    async kill(signal) {
      stopped = signal === "SIGSTOP";
      const over = once(child, "exit");
      child.kill(signal);
      if (!stopped) await over;
    },
    async restart() {
      if (stopped) child.kill("SIGCONT");
      else if (child.exitCode !== null || child.signalCode !== null) await start(port);
      stopped = false;
    },
    close: () => void child.kill("SIGKILL"),
  };
}
