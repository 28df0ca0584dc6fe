import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onPath } from "../../system/programs.ts";
import { bundle } from "../../toolchain/bundle.ts";
import { cached, defaultCacheDir } from "../../toolchain/cache.ts";
import type { Engines } from "./engines.ts";
import { Load } from "./load.ts";

/** What is compared. */
export interface Router {
  readonly name: string;
  readonly version: string;
  /** How many engines one request meets. */
  readonly legs: 1 | 2;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** How a router is started; text instead says why it cannot be here. */
interface Recipe {
  readonly legs: 1 | 2;
  readonly version: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly engines: Engines;
  /** Records a CPU profile of our scheduler in `folder`. */
  readonly profile: boolean;
  /** Another bundle of our scheduler. */
  readonly before: string | undefined;
}

const RECIPES: Readonly<Record<string, (place: Place) => Promise<Recipe | string>>> = {
  "ascend-pd": (place) => ascendPd(place, bundle("scheduler")),
  "2 workers": (place) => ascendPd(place, bundle("scheduler"), 2),
  "4 workers": (place) => ascendPd(place, bundle("scheduler"), 4),
  nginx,
  "vllm-router": vllmRouter,
  before: async (place) =>
    place.before === undefined ? "--before names no bundle" : ascendPd(place, readFileSync(place.before)),
};

export const ROUTERS: readonly string[] = ["ascend-pd", "nginx", "vllm-router"];
/** Our scheduler with one worker, and with more. */
export const WORKERS: readonly string[] = ["ascend-pd", "2 workers", "4 workers"];
const VLLM_ROUTER_VERSION = "0.1.17";

/** Starts a router on `cores` and waits until it answers; text says why it is not here. */
export async function startRouter(
  name: string,
  cores: readonly number[],
  place: Omit<Place, "port">,
): Promise<Router | string> {
  const folder = join(place.folder, name);
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const recipe = await RECIPES[name]?.({ ...place, folder, port });
  if (recipe === undefined || typeof recipe === "string") return recipe ?? "there is no such router";
  const { legs, version, command, env } = recipe;
  const log = join(folder, "log");
  const child = spawn("taskset", ["-c", cores.join(), ...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", openSync(log, "w"), openSync(log, "a")],
  });
  const router: Router = { name, version, legs, port, pid: child.pid ?? 0, stop: () => stop(child) };
  if (await isAnswering(router, child)) return router;
  await stop(child);
  return `it does not answer: ${readFileSync(log, "utf8").trim().split("\n").slice(-3).join(" | ")}`;
}

/** What the scheduler's image runs: one bundled file. */
async function ascendPd(
  { folder, port, engines, profile }: Place,
  script: Uint8Array,
  workers = 1,
): Promise<Recipe> {
  const file = join(folder, "scheduler.mjs");
  writeFileSync(file, script);
  const table = join(folder, "global_ranktable.json");
  const server = (npu?: number) => ({
    server_id: "127.0.0.1",
    server_ip: "127.0.0.1",
    ...(npu !== undefined && {
      device: [{ device_id: String(npu), device_ip: `29.0.0.${npu + 1}`, rank_id: "0" }],
    }),
  });
  const groups = [[server()], [server(0), server(1)], [server(2), server(3)]].map((server_list, id) => ({
    group_id: String(id),
    server_count: String(server_list.length),
    server_list,
  }));
  writeFileSync(table, JSON.stringify({ version: "1.0", status: "completed", server_group_list: groups }));
  return {
    legs: 2,
    version: `bundle on Node ${process.versions.node}`,
    command: [
      process.execPath,
      ...nodeFlags(),
      ...(profile ? ["--cpu-prof", `--cpu-prof-dir=${folder}`] : []),
      file,
      "--host=127.0.0.1",
      `--port=${port}`,
      ...(workers > 1 ? [`--workers=${workers}`] : []),
      // On a busy machine a late answer is not to look like a dead engine.
      "--health-timeout=60",
    ],
    env: {
      ...imageEnv(),
      GLOBAL_RANK_TABLE_FILE_PATH: table,
      NODE_PORTS: [...engines.prefill, ...engines.decode].join(","),
    },
  };
}

/** What the image gives to `node` before the script. */
function nodeFlags(): string[] {
  return JSON.parse(inDockerfile("ENTRYPOINT")).slice(1, -1);
}

/** The image's environment. */
function imageEnv(): Record<string, string> {
  return Object.fromEntries(
    inDockerfile("ENV")
      .split(" ")
      .map((one) => one.split("=")),
  );
}

function inDockerfile(instruction: string): string {
  const [, value = ""] =
    new RegExp(`^${instruction} (.*)$`, "m").exec(readFileSync("scheduler/Dockerfile", "utf8")) ?? [];
  return value;
}

/** The floor: a proxy in C that only passes a request on, to decode alone. */
async function nginx({ folder, port, engines }: Place): Promise<Recipe | string> {
  const program = (await onPath("nginx")) ?? (await onPath("nginx", { PATH: "/usr/sbin" }));
  if (program === undefined) return "not installed: apt-get install nginx-light";
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 20000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_body_buffer_size 1m;
  keepalive_requests 100000000;
  upstream decode {
    ${engines.decode.map((one) => `server 127.0.0.1:${one};`).join(" ")}
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://decode;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`,
  );
  const said = execFileSync("sh", ["-c", `${program} -v 2>&1`]).toString();
  return { legs: 1, version: said.trim().split("/").at(-1) ?? "", command: [program, "-c", config] };
}

/** The Rust router of the vLLM project, from PyPI, in a folder of its own in the cache. */
async function vllmRouter({ folder, port, engines }: Place): Promise<Recipe | string> {
  const python = await onPath("python3");
  if (python === undefined) return "there is no python3";
  const context = { cacheDir: defaultCacheDir(), say: (line: string) => console.error(line) };
  let packages: string;
  try {
    packages = await cached(context, `bench/vllm-router-${VLLM_ROUTER_VERSION}`, async (target) => {
      const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", target];
      execFileSync(python, [...install, `vllm-router==${VLLM_ROUTER_VERSION}`], { stdio: "pipe" });
    });
  } catch (error) {
    return `pip cannot install it: ${(error as Error).message.trim().split("\n").at(-1)}`;
  }
  const urls = (flag: string, ports: readonly number[]) =>
    ports.flatMap((one) => [flag, `http://127.0.0.1:${one}`]);
  return {
    legs: 2,
    version: VLLM_ROUTER_VERSION,
    command: [
      python,
      ...["-m", "vllm_router.launch_router", "--host", "127.0.0.1", "--port", String(port)],
      ...["--vllm-pd-disaggregation", ...urls("--prefill", engines.prefill)],
      ...urls("--decode", engines.decode),
      ...["--policy", "round_robin", "--prometheus-port", String(await freePort())],
      ...["--log-level", "warning", "--max-concurrent-requests", "20000"],
    ],
    env: { PYTHONPATH: packages, HOME: folder },
  };
}

async function isAnswering({ legs, port }: Router, child: ChildProcess): Promise<boolean> {
  const until = performance.now() + 30_000;
  while (performance.now() < until && child.exitCode === null) {
    const load = new Load(legs, port);
    const times = await load.ask();
    load.leave();
    if (times !== undefined) return true;
    await sleep(100);
  }
  return false;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(kill);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
