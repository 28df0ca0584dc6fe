import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../toolchain/bundle.ts";
import { machine, quantile } from "./machine.ts";

/*
 * Ten times as much as simulated instances can, for a minute: what of it is answered, how fast, and what of the instances'
 * work was for somebody who still waited. Two clients ask: one sends nine of ten requests, the other as much as the instances
 * can. Once they are told apart by address, once by key, once one key has three times the share, and once nothing is limited.
 */

const [seconds = 60, times = 10] = process.argv.slice(2).map(Number);
const PREFILL = { seqs: 4, ms: 400 };
const DECODE = { seqs: 16, tokens: 40, ms: 20 };
/** A client gives up when it has no token by then. */
const PATIENCE_MS = 3000;
const MODEL = "bench";
/** What prefill and decode can do in a second; the less counts. */
const CAPACITY = Math.min(
  (PREFILL.seqs * 1000) / PREFILL.ms,
  // A full batch takes twice the time for a token.
  (DECODE.seqs * 1000) / (DECODE.tokens * DECODE.ms * 2),
);

/** Where a client asks from, and by which key. */
interface Who {
  readonly address: string;
  readonly key?: string;
}

interface Outcome {
  readonly who: Who;
  readonly what: "answered" | "refused" | "gave up" | "failed";
  readonly ttftMs: number;
}

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), "overload-"));

/** Resolves with the port that it says it listens on. */
async function started(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  let said = "";
  for (;;) {
    const [bytes] = await once(child.stdout, "data");
    said += bytes;
    const port = /:(\d+)/.exec(said)?.[1];
    if (port === undefined) continue;
    child.stdout.resume();
    return Number(port);
  }
}

const simulator = (role: string, ...flags: string[]) =>
  started([
    "simulator/main.ts",
    `--role=${role}`,
    "--host=127.0.0.1",
    "--port=0",
    `--model=${MODEL}`,
    ...flags,
  ]);

/** One request for a stream; closes its connection when it gives up. */
function ask(port: number, who: Who): Promise<Outcome> {
  const body = JSON.stringify({
    model: MODEL,
    prompt: "overload",
    max_tokens: DECODE.tokens,
    stream: true,
    ignore_eos: true,
  });
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: who.address, noDelay: true });
    let text = "";
    let ttftMs = Number.NaN;
    const end = (what: Outcome["what"]) => {
      clearTimeout(patience);
      socket.destroy();
      resolve({ who, what, ttftMs });
    };
    const patience = setTimeout(() => end("gave up"), PATIENCE_MS);
    socket.on("error", () => end("failed"));
    socket.on("close", () => end("failed"));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (/^HTTP\/1\.1 (?:503|429)/.test(text)) return end("refused");
      if (Number.isNaN(ttftMs) && text.includes("data: ")) {
        ttftMs = performance.now() - began;
        clearTimeout(patience);
      }
      if (text.includes("data: [DONE]")) end("answered");
      else if (text.includes('"error"')) end("failed");
    });
    const shown = who.key === undefined ? "" : `Authorization: Bearer ${who.key}\r\n`;
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${shown}Connection: close\r\n\r\n${body}`,
    );
  });
}

type Pair = readonly [greedy: Who, modest: Who];

const ADDRESSES: Pair = [{ address: "127.0.0.1" }, { address: "127.0.0.2" }];
const KEYS: Pair = [
  { address: "127.0.0.1", key: "sk-greedy" },
  { address: "127.0.0.1", key: "sk-modest" },
];

/** The line of a key of a client. */
const lineOf = ({ key = "" }: Who, words = ""): string =>
  `${key.slice(3)} sha256:${createHash("sha256").update(key).digest("hex")} ${words}\n`;

/** So many requests a second; a greedy client sends nine of ten. */
async function play(
  port: number,
  perSecond: number,
  forSeconds: number,
  [greedy, modest]: Pair,
): Promise<Outcome[]> {
  const all: Promise<Outcome>[] = [];
  const began = performance.now();
  for (let at = 0; at < perSecond * forSeconds; at++) {
    const due = began + (at * 1000) / perSecond;
    if (due > performance.now()) await sleep(due - performance.now());
    all.push(ask(port, at % 10 === 0 ? modest : greedy));
  }
  return Promise.all(all);
}

async function run(name: string, flags: readonly string[], clients: Pair = ADDRESSES): Promise<void> {
  const prefill = await simulator(
    "prefill",
    `--max-num-seqs=${PREFILL.seqs}`,
    `--ttft-base-ms=${PREFILL.ms}`,
  );
  const decode = await simulator("decode", `--max-num-seqs=${DECODE.seqs}`, `--inter-token-ms=${DECODE.ms}`);
  const table = join(folder, "table.json");
  const server = (device?: object) => ({ server_id: "127.0.0.1", server_ip: "127.0.0.1", ...device });
  const npu = (id: number) => ({ device: [{ device_id: `${id}`, device_ip: `29.0.0.${id}`, rank_id: "0" }] });
  const list = [server(), server(npu(1)), server(npu(2))];
  const groups = list.map((one, id) => ({ group_id: `${id}`, server_count: "1", server_list: [one] }));
  writeFileSync(table, JSON.stringify({ version: "1.0", status: "completed", server_group_list: groups }));
  const program = join(folder, "scheduler.mjs");
  writeFileSync(program, bundle("scheduler"));
  const port = await started([program, "--host=127.0.0.1", "--port=0", "--client-share=100", ...flags], {
    GLOBAL_RANK_TABLE_FILE_PATH: table,
    NODE_PORTS: `${prefill},${decode}`,
  });
  while ((await fetch(`http://127.0.0.1:${port}/readyz`)).status !== 200) await sleep(50);

  const calm = await play(port, CAPACITY / 4, 10, clients);
  const loaded = await play(port, times * CAPACITY, seconds, clients);
  for (const child of children.splice(0)) child.kill("SIGKILL");

  const count = (what: Outcome["what"]) => loaded.filter((one) => one.what === what).length;
  const p99 = (outcomes: readonly Outcome[]) =>
    quantile(
      outcomes.filter(({ what }) => what === "answered").map(({ ttftMs }) => ttftMs),
      0.99,
    );
  const modest = loaded.filter(({ who, what }) => who === clients[1] && what === "answered").length;
  console.log(
    `${name}: of ${loaded.length} answered ${count("answered")} (${Math.round((100 * count("answered")) / (CAPACITY * seconds))} % of capacity), ` +
      `refused ${count("refused")}, gave up ${count("gave up")}, failed ${count("failed")}; ` +
      `p99 of TTFT ${Math.round(p99(loaded))} ms, unloaded ${Math.round(p99(calm))} ms; ` +
      `a tenth of the requests was another client's, who got ${Math.round((100 * modest) / Math.max(1, count("answered")))} % of the answers`,
  );
}

console.log(`${times} times ${CAPACITY} requests a second for ${seconds} s; ${machine()}`);
try {
  const limits = [
    `--prefill-max-requests=${PREFILL.seqs}`,
    `--decode-max-requests=${DECODE.seqs + PREFILL.seqs}`,
    "--queue-timeout=0.4",
  ];
  await run("with limits", limits);
  const keys = join(folder, "keys");
  for (const [name, words] of [
    ["with limits, by key", ""],
    ["with limits, the greedy key with three shares", "share=3"],
  ] as const) {
    writeFileSync(keys, lineOf(KEYS[0], words) + lineOf(KEYS[1]));
    await run(name, [...limits, `--api-keys-file=${keys}`], KEYS);
  }
  await run("without", []);
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
}
