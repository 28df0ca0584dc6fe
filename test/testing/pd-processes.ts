import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { rankTable } from "./rank-table.ts";

/*
 * Schedulers and simulated instances as processes of their own, without containers.
 */

export interface Program {
  readonly child: ChildProcess;
  readonly port: number;
  readonly url: string;
  /** Everything it has written. */
  output(): string;
  /** Sends a signal and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const LISTENS = /^(?:simulated|scheduler) .*?:(\d+)(?:$| )/m;

/** Resolves when it listens. Ends with the test. */
export async function program(
  main: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Program> {
  const child = spawn(process.execPath, [main, "--host=127.0.0.1", ...args], { env });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  const exited = once(child, "close").then(([code]: (number | null)[]) => code ?? null);
  const port = await new Promise<number>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        output += text;
        const [, found] = LISTENS.exec(output) ?? [];
        if (found !== undefined) resolve(Number(found));
      });
    }
    void exited.then((code) => reject(new Error(`exit code ${code}:\n${output}`)));
  });
  return {
    child,
    port,
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}

/** A simulated instance that takes no time, unless `args` say otherwise. */
export function simulator(
  role: "prefill" | "decode",
  args: readonly string[] = [],
  port = 0,
): Promise<Program> {
  const quick = ["--ttft-base-ms=0", "--ttft-ms-per-token=0", "--inter-token-ms=0"];
  return program("simulator/main.ts", [
    `--role=${role}`,
    "--model=/m",
    "--served-model-name=sim",
    `--port=${port}`,
    ...quick,
    ...args,
  ]);
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pd-processes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface SchedulerOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

/** A scheduler for those instances; resolves when it is ready. */
export async function scheduler(
  prefill: readonly Program[],
  decode: readonly Program[],
  { args = [], env = {} }: SchedulerOptions = {},
): Promise<Program> {
  const table = join(temporaryFolder(), "global.json");
  writeFileSync(table, rankTable(prefill.length, decode.length));
  const started = await program(
    "scheduler/main.ts",
    // Canaries are requests too: where engines' own counts are looked at there are none.
    ["--port=0", "--served-model-name=sim", "--health-interval=0.1", ...args],
    {
      GLOBAL_RANK_TABLE_FILE_PATH: table,
      NODE_PORTS: [...prefill, ...decode].map(({ port }) => port).join(","),
      ...env,
    },
  );
  await until(async () => (await readiness(started)).prefill === prefill.length);
  await until(async () => (await readiness(started)).decode === decode.length);
  return started;
}

/** How many instances of each role are in rotation. */
export async function readiness({ url }: Program): Promise<{ prefill: number; decode: number }> {
  return (await fetch(`${url}/readyz`)).json() as Promise<{ prefill: number; decode: number }>;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** `body` goes out as it is. */
export function post(url: string, body: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...init });
}

/** What the scheduler's operator is answered. */
export function operator(socketPath: string) {
  return (path: string, body?: object): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const headers = { "Content-Type": "application/json" };
      const method = body === undefined ? "GET" : "POST";
      const asked = request({ socketPath, path, method, headers }, async (answer) => {
        let text = "";
        for await (const piece of answer.setEncoding("utf8")) text += piece;
        resolve(JSON.parse(text));
      });
      asked.on("error", reject);
      asked.end(body && JSON.stringify(body));
    });
}

/** The sum of a metric's samples over label sets that contain `labels`. */
export async function metric({ url }: { url: string }, name: string, labels = ""): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  const samples = lines.filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  if (samples.length === 0) throw new Error(`there is no ${name} with ${labels}`);
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** The text of the completion that an event stream carries. Throws unless it ends with [DONE]. */
export function streamedText(events: string): string {
  const data = events.split("\n\n").map((event) => event.replace(/^data: /, ""));
  if (data.pop() !== "" || data.pop() !== "[DONE]")
    throw new Error(`not a whole stream: ${events.slice(-200)}`);
  return data.map((text) => JSON.parse(text).choices[0]?.text ?? "").join("");
}
