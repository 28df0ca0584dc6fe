import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GAUGES } from "../../test/testing/gauges.ts";
import { operator } from "../../test/testing/pd-processes.ts";
import { rankTable } from "../../test/testing/rank-table.ts";

const LEASE_SECONDS = 5;
/** To be back, at rest, or whatever else is waited for: only what hangs reaches it. */
const LIMIT_MS = 120_000;

/** A simulated instance, a process that can be ended and started anew on its port. */
export class Instance {
  readonly role: "prefill" | "decode";
  readonly name: string;
  port = 0;
  #child: ChildProcess | undefined;

  constructor(role: "prefill" | "decode", place: number) {
    this.role = role;
    this.name = `${role}-${place}`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const flags = [
      `--role=${this.role}`,
      "--host=127.0.0.1",
      `--port=${this.port}`,
      "--model=soak",
      "--max-model-len=65536",
      "--max-num-batched-tokens=65536",
      "--kv-blocks=65536",
      `--kv-lease-seconds=${LEASE_SECONDS}`,
      "--ttft-base-ms=5",
      "--ttft-ms-per-token=0.01",
      "--inter-token-ms=5",
    ];
    const { child, said } = await started(["simulator/main.ts", ...flags], {}, /:(\d+)\s*$/m);
    this.#child = child;
    this.port = Number(said);
  }

  /** Resolves when it is over, of a signal that ends it. */
  async signal(name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const over = once(child, "exit");
    child.kill(name);
    if (name === "SIGKILL" || name === "SIGTERM") await over;
  }
}

/** What goes on in a scheduler, and what it has. */
export interface Look {
  readonly rssMiB: number;
  readonly files: number;
  /** The sum of all gauges that are 0 when nobody asks. */
  readonly busy: number;
}

export interface Service {
  readonly port: number;
  readonly instances: readonly Instance[];
  readonly admin: (path: string, body?: object) => Promise<Record<string, unknown>>;
  look(): Promise<Look>;
  /** Whether all instances get requests. */
  isWhole(): Promise<boolean>;
  /** Instances whose requests and KV blocks are not back at 0, with how many they have. */
  leftOnInstances(): Promise<string[]>;
  close(): Promise<void>;
}

/** A scheduler with two workers before three prefill and three decode instances, ready. */
export async function startService(): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), "soak-"));
  const of = (role: "prefill" | "decode") => [0, 1, 2].map((place) => new Instance(role, place));
  const instances = [...of("prefill"), ...of("decode")];
  await Promise.all(instances.map((one) => one.start()));
  const table = join(folder, "table.json");
  const socketPath = join(folder, "admin.sock");
  writeFileSync(table, rankTable(3, 3));
  const flags = [
    ...["--host=127.0.0.1", "--port=0", "--served-model-name=soak", "--workers=2", "--client-share=100"],
    ...[`--admin-socket=${socketPath}`, "--metrics-port=0", `--kv-lease=${LEASE_SECONDS}`],
    ...["--health-interval=0.5", "--stall-timeout=3", "--prefill-timeout=20"],
    ...["--first-token-timeout=20", "--token-gap-timeout=20", "--answer-timeout=40"],
  ];
  const env = {
    GLOBAL_RANK_TABLE_FILE_PATH: table,
    NODE_PORTS: instances.map(({ port }) => port).join(","),
  };
  const { child, said, output } = await started(
    ["scheduler/main.ts", ...flags],
    env,
    /^scheduler on \S+:(\d+)/m,
  );
  await until(() => /^metrics on \S+:\d+/m.test(output()));
  const metrics = `http://127.0.0.1:${/^metrics on \S+:(\d+)/m.exec(output())?.[1]}`;
  const service: Service = {
    port: Number(said),
    instances,
    admin: operator(socketPath),
    async look() {
      const busy = await sumOf(metrics, GAUGES);
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return {
        rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
        files: readdirSync(`/proc/${child.pid}/fd`).length,
        busy,
      };
    },
    isWhole: async () => (await sumOf(metrics, ["ascend_pd_instance_ready"])) === instances.length,
    async leftOnInstances() {
      const names = ["vllm:num_requests_running", "vllm:num_requests_waiting", "simulator:kv_blocks_leased"];
      const left = await Promise.all(
        instances.map(async (one) => ({ one, count: await sumOf(one.url, names) })),
      );
      return left.filter(({ count }) => count > 0).map(({ one, count }) => `${one.name} has ${count}`);
    },
    async close() {
      child.kill("SIGKILL");
      await Promise.all(instances.map((one) => one.signal("SIGKILL")));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await until(() => service.isWhole());
  return service;
}

/** Of all samples of these metrics of the program at `url`. */
async function sumOf(url: string, names: readonly string[]): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  const samples = lines.filter((line) => names.includes(/^[^{ ]+/.exec(line)?.[0] ?? ""));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Looks again and again. Throws when it never comes. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never came: ${condition}`);
    await sleep(100);
  }
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Resolves with what `pattern` finds in the output of a program of this repository; throws when it ends before. */
async function started(args: readonly string[], env: Record<string, string>, pattern: RegExp) {
  const child = spawn(process.execPath, args, {
    cwd: new URL("../../", import.meta.url),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
    // Ctrl-C is for the soak alone: it has a report to make.
    detached: true,
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  let all = "";
  for (;;) {
    const [bytes] = await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(() => [undefined]),
    ]);
    if (bytes === undefined) throw new Error(`${args[0]} ended: ${all}`);
    all += bytes;
    const said = pattern.exec(all)?.[1];
    if (said === undefined) continue;
    child.stdout.on("data", (more) => {
      all += more;
    });
    return { child, said, output: () => all };
  }
}
