import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expectedText } from "../simulator/oracle.ts";
import { rankTable } from "../test/testing/rank-table.ts";

/*
 * A soak of the scheduler's canaries with its default flags: so many minutes under load, in which no pair may be taken for a
 * bad one; then KV cache from one prefill instance becomes wrong, and it is seen how long wrong tokens reach clients.
 */

const [minutes = 3, perSecond = 20] = process.argv.slice(2).map(Number);
const TOKENS = 16;
const SETTLED_MS = 20_000;

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), "canaries-"));
let log = "";

/** Resolves with the port that it says it listens on. */
async function started(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: [...stdio] });
  children.push(child);
  child.stderr?.on("data", (bytes) => {
    log += `${bytes}`
      .split("\n")
      .filter((line) => line.includes('"pair"') || line.includes('"unproven"'))
      .map((line) => `${line}\n`)
      .join("");
  });
  let said = "";
  for (;;) {
    const [bytes] = await once(child.stdout ?? child, "data");
    said += bytes;
    const port = /:(\d+)/.exec(said)?.[1];
    if (port === undefined) continue;
    child.stdout?.resume();
    return Number(port);
  }
}

const simulator = (role: string) =>
  started(["simulator/main.ts", `--role=${role}`, "--host=127.0.0.1", "--port=0", "--model=m"]);

const counts = { right: 0, wrong: 0, failed: 0 };
let lastWrongAt = 0;

async function ask(port: number, number: number): Promise<void> {
  const body = JSON.stringify({ model: "m", prompt: `soak ${number}`, max_tokens: TOKENS });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: "POST", headers, body });
  const said = (await answer.json()) as { choices?: [{ text: string }] };
  const what =
    said.choices === undefined
      ? "failed"
      : said.choices[0].text === expectedText(body, TOKENS)
        ? "right"
        : "wrong";
  counts[what]++;
  if (what === "wrong") lastWrongAt = performance.now();
}

let asked = 0;

async function play(port: number, ms: number): Promise<void> {
  const all: Promise<void>[] = [];
  const began = performance.now();
  for (let at = 0; (at * 1000) / perSecond < ms; at++) {
    await sleep(Math.max(0, began + (at * 1000) / perSecond - performance.now()));
    all.push(ask(port, asked++));
  }
  await Promise.all(all);
}

try {
  const prefill = [await simulator("prefill"), await simulator("prefill")] as const;
  const decode = [await simulator("decode"), await simulator("decode")] as const;
  const table = join(folder, "global.json");
  writeFileSync(table, rankTable(2, 2));
  const args = ["scheduler/main.ts", "--host=127.0.0.1", "--port=0", "--model=m"];
  const env = { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: [...prefill, ...decode].join(",") };
  const port = await started(args, env);
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`)).ok) await sleep(100);

  await sleep(2000);
  log = "";
  await play(port, minutes * 60_000);
  console.log(`${minutes} minutes, ${perSecond} requests/s, 2 + 2 instances: ${JSON.stringify(counts)}`);
  console.log(`false alarms: ${log || "none"}`);

  for (const one of decode) {
    const body = JSON.stringify({ wrong_kv_from: [`127.0.0.1:${prefill[0]}`] });
    const headers = { "Content-Type": "application/json" };
    await fetch(`http://127.0.0.1:${one}/simulator/faults`, { method: "POST", headers, body });
  }
  const broken = performance.now();
  await play(port, SETTLED_MS);
  const seconds = ((lastWrongAt - broken) / 1000).toFixed(1);
  console.log(
    `after KV of prefill-0 had become wrong: ${JSON.stringify(counts)}, last wrong answer after ${seconds} s`,
  );
  console.log(log);
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
