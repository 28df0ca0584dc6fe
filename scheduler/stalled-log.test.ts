import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { MAX_WAITING } from "./log.ts";
import { client, get } from "./testing/client.ts";
import { fakeEngine, goodDecode, goodPrefill } from "./testing/engine.ts";

const MAIN = join(import.meta.dirname, "main.ts");
/** Each is a line of the log; together they are some 10 MB of it. */
const REQUESTS = 30_000;
const PATH = `/${"x".repeat(199)}`;

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What starts a scheduler before engines of this test, whose addresses are the environment's. */
async function command(folder: string, args: readonly string[]) {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode)];
  const server = (device?: object) => ({ server_id: "127.0.0.1", server_ip: "127.0.0.1", ...device });
  const npu = (id: number) => ({
    device: [{ device_id: `${id}`, device_ip: `29.0.0.${id}`, rank_id: "0" }],
  });
  const groups = [server(), server(npu(1)), server(npu(2))];
  const table = join(folder, "global.json");
  const list = groups.map((one, id) => ({ group_id: `${id}`, server_count: "1", server_list: [one] }));
  writeFileSync(table, JSON.stringify({ version: "1.0", status: "completed", server_group_list: list }));
  return {
    words: [process.execPath, MAIN, "--host=127.0.0.1", "--port=0", ...args],
    env: { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: `${prefill.port},${decode.port}` },
  };
}

function start([program = "", ...args]: readonly string[], env: Record<string, string>, stdio: StdioOptions) {
  const child = spawn(program, args, { env, stdio });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Resolves with the port once it listens; reads no further. */
async function portOf({ stdout }: ChildProcess): Promise<number> {
  let output = "";
  for (;;) {
    const [, port] = /^scheduler on \S+:(\d+)/m.exec(output) ?? [];
    stdout?.pause();
    if (port !== undefined) return Number(port);
    stdout?.resume();
    output += (await once(stdout as NonNullable<typeof stdout>, "data"))[0];
  }
}

/** Asks for what is not there, each time a line of the log; gives the number of answers. */
async function askInVain(port: number): Promise<number> {
  const one = await client(port);
  let answers = 0;
  let tail = "";
  one.socket.on("data", (bytes) => {
    const pieces = (tail + bytes).split("HTTP/1.1 404 ");
    answers += pieces.length - 1;
    tail = pieces.at(-1)?.slice(-12) ?? "";
  });
  const requests = get(PATH).repeat(100);
  for (let sent = 100; sent <= REQUESTS; sent += 100) {
    one.send(requests);
    while (answers < sent) await once(one.socket, "data");
  }
  return answers;
}

test.for([{ workers: 1 }, { workers: 2 }])(
  "While nobody reads the log, $workers workers answer, and what there is no room for is counted.",
  async ({ workers }) => {
    const folder = temporaryFolder();
    const pipe = join(folder, "log");
    spawnSync("mkfifo", [pipe]);
    const both = openSync(pipe, "r+");
    const [reading, writing] = [openSync(pipe, "r"), openSync(pipe, "w")];
    const { words, env } = await command(folder, [`--workers=${workers}`]);
    const child = start(words, env, ["ignore", "pipe", writing]);
    for (const fd of [both, writing]) closeSync(fd);
    const port = await portOf(child);

    const answers = await askInVain(port);
    const lines: string[] = [];
    const lost = () => lines.map((line) => Number(JSON.parse(line).lost ?? 0)).reduce((a, b) => a + b, 0);
    const input = createReadStream("", { fd: reading });
    const log = createInterface({ input }).on("line", (line) => lines.push(line));
    while (lost() === 0) await once(log, "line");
    const bytesKept = lines.join("\n").length;
    child.kill("SIGTERM");
    await once(log, "close");

    const told = lines.filter((line) => line.includes('"path"'));
    expect(answers).toBe(REQUESTS);
    expect(told.length + lost()).toBe(REQUESTS);
    expect(bytesKept).toBeLessThan(3 * MAX_WAITING);
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(0);
  },
);

test("A scheduler whose log nobody reads still ends when it is told to.", async () => {
  const folder = temporaryFolder();
  const { words, env } = await command(folder, []);
  const child = start(words, env, "pipe");
  const port = await portOf(child);
  await askInVain(port);

  child.kill("SIGTERM");
  const [code] = await once(child, "exit");

  expect(code).toBe(0);
});

test("A terminal that is held stops nobody's requests.", async () => {
  const folder = temporaryFolder();
  const { words, env } = await command(folder, []);
  const terminal = ["script", "--quiet", "--return", "--command", `exec ${words.join(" ")}`, "/dev/null"];
  const child = start(terminal, { ...env, PATH: process.env.PATH ?? "" }, ["ignore", "pipe", "inherit"]);
  // It hands a signal on to what runs in the terminal, but not while it is held; killed, it would leave that behind.
  onTestFinished(async () => {
    child.stdout?.resume();
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  });
  const port = await portOf(child);

  const answers = await askInVain(port);

  expect(answers).toBe(REQUESTS);
});
