import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rankTable } from "../test/testing/rank-table.ts";

// What the page costs the scheduler: processor time with 64 instances while nobody looks, and while five do, in turns.
// Usage: npm run bench:page -- [ROUNDS] [SECONDS]

const INSTANCES = 64;
const VIEWERS = 5;
/** What vLLM 0.32 says of itself is some fifty kilobytes. */
const METRICS_BYTES = 50_000;
const [rounds, seconds] = [Number(process.argv[2] ?? 4), Number(process.argv[3] ?? 15)];

const metrics = metricsText();
let asked = 0;
const engines = await Promise.all(Array.from({ length: INSTANCES }, engine));
const folder = mkdtempSync(join(tmpdir(), "bench-page-"));
const table = join(folder, "global.json");
writeFileSync(table, rankTable(INSTANCES / 2, INSTANCES / 2));
const args = ["--host=127.0.0.1", "--port=0", "--page-port=0"];
const scheduler = spawn(process.execPath, ["scheduler/main.ts", ...args], {
  env: { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: engines.join(",") },
  stdio: ["ignore", "pipe", "ignore"],
});
try {
  let output = "";
  scheduler.stdout.on("data", (text) => {
    output += text;
  });
  while (!output.includes("page on")) await sleep(20);
  const port = Number(/^page on .*:(\d+)/m.exec(output)?.[1]);
  await sleep(5000);

  const [nobody, five]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    nobody.push(await share(scheduler.pid));
    const before = asked;
    const viewers = Array.from({ length: VIEWERS }, () => viewer(port));
    // What is compiled and asked for the first time is no lasting cost.
    await sleep(3000);
    five.push(await share(scheduler.pid));
    const bytes = viewers.reduce((sum, { heard }) => sum + heard(), 0) / VIEWERS / (seconds + 3);
    for (const { socket } of viewers) socket.destroy();
    await sleep(1000);
    const questions = (asked - before) / (seconds + 3);
    console.log(
      `round ${round + 1}: nobody ${percent(nobody.at(-1))}, ${VIEWERS} viewers ${percent(five.at(-1))} of a core; ` +
        `${Math.round(bytes / 1000)} kB/s a viewer, ${questions.toFixed(1)} questions/s`,
    );
  }
  const cost = median(five) - median(nobody);
  console.log(`${INSTANCES} instances, ${VIEWERS} viewers: the page costs ${percent(cost)} of a core`);
  const quiet = asked;
  await sleep(1000 * seconds);
  console.log(`while nobody looks: ${asked - quiet} questions for /metrics in ${seconds} s`);
} finally {
  scheduler.kill("SIGKILL");
  await once(scheduler, "close");
  rmSync(folder, { recursive: true });
}
process.exit();

async function engine(): Promise<number> {
  const server = createServer(({ url }, response) => {
    if (url === "/metrics") asked++;
    response.end(url === "/metrics" ? metrics : "{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The lines that are read, in the middle of others. */
function metricsText(): string {
  const other = (at: number) =>
    `# HELP vllm:some_seconds_${at} Histogram of something.\n` +
    `vllm:some_seconds_${at}_bucket{engine="0",le="0.${at}",model_name="m"} ${at}.0\n`;
  const labels = '{engine="0",model_name="m"}';
  const read = `vllm:num_requests_running${labels} 3.0\nvllm:num_requests_waiting${labels} 2.0\nvllm:kv_cache_usage_perc${labels} 0.25\n`;
  let text = "";
  for (let at = 0; text.length < METRICS_BYTES; at++) {
    if (at === 150) text += read;
    text += other(at);
  }
  return text;
}

function viewer(port: number): { readonly socket: Socket; heard(): number } {
  const socket = connect(port, "127.0.0.1");
  let heard = 0;
  socket.on("data", ({ length }) => {
    heard += length;
  });
  socket.write("GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return { socket, heard: () => heard };
}

/** Of a core, by the process's own account of its processor time. */
async function share(pid: number | undefined): Promise<number> {
  const ticks = () => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const [before, since] = [ticks(), performance.now()];
  await sleep(1000 * seconds);
  return ((ticks() - before) * 10) / (performance.now() - since);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

function percent(share = 0): string {
  return `${(100 * share).toFixed(2)}%`;
}
