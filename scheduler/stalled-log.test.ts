import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, createReadStream, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { MAX_WAITING } from "./log.ts";
import { client, get } from "./testing/client.ts";
import { command, portOf, start, temporaryFolder } from "./testing/process.ts";

/** Each is a line of the log; together they are some 10 MB of it. */
const REQUESTS = 30_000;
const PATH = `/${"x".repeat(199)}`;

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
