import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { configOf } from "../../simulator/config.ts";
import { Flags } from "../../simulator/flags.ts";
import { type Simulator, startSimulator } from "../../simulator/server.ts";

/*
 * A scheduler that serves its page, as a process of its own, before simulated instances on several hosts, which are
 * addresses of this machine, and clients that ask it: to look at, and to photograph.
 */

/** Instances by the last number of the address that stands for their host. */
export interface Shape {
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  /** Of each instance. */
  readonly npus: number;
}

export interface Shown {
  readonly scheduler: ChildProcess;
  /** What clients ask, what shows it, and what operators ask. */
  readonly url: string;
  readonly pageUrl: string;
  readonly socket: string;
  readonly prefill: readonly Simulator[];
  readonly decode: readonly Simulator[];
  /** Has so many clients ask for streams again and again, until it is closed. */
  load(clients: number, tokens?: number): void;
  close(): Promise<void>;
}

const address = (host: number) => `127.0.5.${host}`;

export async function shown(shape: Shape, args: readonly string[] = []): Promise<Shown> {
  const start = (role: "prefill" | "decode", host: number) => {
    const flags = [`--role=${role}`, "--model=/m", "--served-model-name=qwen3-235b", "--port=0"];
    const kv = ["--max-model-len=1024", `--kv-blocks=${role === "prefill" ? 640 : 400}`];
    const config = configOf(new Flags([...flags, ...kv, `--host=${address(host)}`]), undefined, {});
    return startSimulator({ ...config, kvHost: address(host) }, () => {});
  };
  const [prefill, decode] = await Promise.all([
    Promise.all(shape.prefill.map((host) => start("prefill", host))),
    Promise.all(shape.decode.map((host) => start("decode", host))),
  ]);
  const folder = mkdtempSync(join(tmpdir(), "shown-"));
  const table = join(folder, "global.json");
  const socket = join(folder, "admin.sock");
  writeFileSync(table, tableOf(shape));
  const ports = [...prefill, ...decode].map(({ port }) => port).join(",");
  const own = ["--host=127.0.0.1", "--port=0", "--page-port=0", `--admin-socket=${socket}`];
  const rest = ["--served-model-name=qwen3-235b", "--health-interval=0.5", ...args];
  const scheduler = spawn(process.execPath, ["scheduler/main.ts", ...own, ...rest], {
    env: { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: ports },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  await new Promise<void>((resolve) => {
    for (const stream of [scheduler.stdout, scheduler.stderr])
      stream?.on("data", (text) => {
        output += text;
        if (output.includes("page on")) resolve();
      });
    scheduler.on("exit", () => resolve());
  });
  const [, port] = /^scheduler on .*?:(\d+)/m.exec(output) ?? [];
  const [, pagePort] = /^page on .*?:(\d+)/m.exec(output) ?? [];
  if (port === undefined || pagePort === undefined) throw new Error(`the scheduler says: ${output}`);
  const url = `http://127.0.0.1:${port}`;
  while ((await fetch(`${url}/readyz`).catch(() => undefined))?.status !== 200) await sleep(50);
  const leaving = new AbortController();

  async function ask(client: number, tokens: number): Promise<void> {
    for (let turn = 0; !leaving.signal.aborted; turn++) {
      const prompt = `client ${client}, turn ${turn}: ${"tell me of caches ".repeat(1 + ((client * 7 + turn * 3) % 12))}`;
      const body = {
        model: "qwen3-235b",
        prompt,
        max_tokens: tokens / 2 + ((client * 13 + turn * 29) % tokens),
        stream: true,
      };
      const headers = { "Content-Type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify(body), signal: leaving.signal };
      await fetch(`${url}/v1/completions`, init)
        .then((answer) => answer.text())
        .catch(() => sleep(100));
    }
  }

  return {
    scheduler,
    url,
    pageUrl: `http://127.0.0.1:${pagePort}/`,
    socket,
    prefill,
    decode,
    load(clients, tokens = 120) {
      for (let client = 0; client < clients; client++) void ask(client, tokens);
    },
    async close() {
      leaving.abort();
      scheduler.kill("SIGKILL");
      await once(scheduler, "close");
      await Promise.all([...prefill, ...decode].map((one) => one.close(0)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function tableOf({ prefill, decode, npus }: Shape): string {
  const taken = new Map<number, number>();
  const server = (host: number) => {
    const first = taken.get(host) ?? 0;
    taken.set(host, first + npus);
    const device = Array.from({ length: npus }, (_, at) => ({
      device_id: String(first + at),
      device_ip: `29.0.${host}.${first + at}`,
      rank_id: String(at),
    }));
    return { server_id: address(host), server_ip: address(host), device };
  };
  const entry = [{ server_id: "127.0.0.1", server_ip: "127.0.0.1" }];
  return JSON.stringify({
    version: "1.0",
    status: "completed",
    server_group_list: [entry, prefill.map(server), decode.map(server)].map((list, id) => ({
      group_id: String(id),
      server_count: String(list.length),
      server_list: list,
    })),
  });
}
