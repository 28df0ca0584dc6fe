import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { fakeEngine, goodDecode, goodPrefill, type Script } from "./engine.ts";

const MAIN = join(import.meta.dirname, "../main.ts");

/** What the engines do. */
interface Scripts {
  readonly prefill?: Script;
  readonly decode?: Script;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What starts a scheduler before engines of this test, whose addresses are the environment's. */
export async function command(
  folder: string,
  args: readonly string[],
  { prefill: prefillScript = goodPrefill, decode: decodeScript = goodDecode }: Scripts = {},
) {
  const [prefill, decode] = [await fakeEngine(prefillScript), await fakeEngine(decodeScript)];
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
    prefill,
    decode,
    env: { GLOBAL_RANK_TABLE_FILE_PATH: table, NODE_PORTS: `${prefill.port},${decode.port}` },
  };
}

export function start(
  [program = "", ...args]: readonly string[],
  env: Record<string, string>,
  stdio: StdioOptions,
) {
  const child = spawn(program, args, { env, stdio });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Resolves with the port once it listens; reads no further. */
export async function portOf({ stdout }: ChildProcess): Promise<number> {
  let output = "";
  for (;;) {
    const [, port] = /^scheduler on \S+:(\d+)/m.exec(output) ?? [];
    stdout?.pause();
    if (port !== undefined) return Number(port);
    stdout?.resume();
    output += (await once(stdout as NonNullable<typeof stdout>, "data"))[0];
  }
}
