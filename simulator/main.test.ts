import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { expect, onTestFinished, test, vi } from "vitest";
import { members } from "./json.ts";
import { expectedText } from "./oracle.ts";
import { completionText, post, sseData } from "./testing/client.ts";

type Program = ChildProcessByStdio<null, Readable, Readable>;

const MAIN = join(import.meta.dirname, "main.ts");
const flags = ["--model=/m", "--served-model-name", "sim", "--host=127.0.0.1", "--port", "0"];

/** Starts the program in a process of its own, which ends with the test at the latest. */
function launch(args: readonly string[], env: Record<string, string> = {}, program = MAIN): Program {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** The URL that a started instance listens on. */
async function listening(child: Program): Promise<string> {
  const stopped = once(child, "exit").then(([code]) => {
    throw new Error(`exit code ${code} before it listened`);
  });
  const [line] = await Promise.race([once(child.stdout, "data"), stopped]);
  stopped.catch(() => {});
  return `http://${`${line}`.trim().split(" ").at(-1)}`;
}

/** Exit code and output of a program that ends by itself. */
async function outcome(child: Program): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await once(child, "exit");
  const [stdout, stderr] = await output;
  return { code, stdout, stderr };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "simulator-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function rankTables(deviceIds: readonly string[]): Record<string, string> {
  const folder = temporaryFolder();
  const write = (name: string, content: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const server = (ids: readonly string[]) => ({
    server_id: "127.0.0.1",
    server_ip: "127.0.0.1",
    device: ids.map((id, rank) => ({ device_id: id, device_ip: `29.0.0.${id}`, rank_id: `${rank}` })),
  });
  const group = (id: string, ...list: object[]) => ({ group_id: id, server_count: "1", server_list: list });
  return {
    GLOBAL_RANK_TABLE_FILE_PATH: write("global.json", {
      server_group_list: [
        group("0", {}),
        group("1", server(["104", "105"])),
        group("2", server(["106", "107"])),
      ],
    }),
    RANK_TABLE_FILE_PATH: write("local.json", group("0", server(deviceIds))),
  };
}

test("--help shows every flag and an example.", async () => {
  const { code, stdout } = await outcome(launch(["--help"]));

  expect(code).toBe(0);
  expect(stdout).toContain("--kv-lease-seconds S");
  expect(stdout).toContain("Example:");
});

test.each<[string, string[], string]>([
  ["an unknown flag", ["--nope"], "Unknown option '--nope'"],
  ["a value that is not in the list", ["--role", "both"], '--role is "both"'],
  ["a number that is none", ["--role=prefill", "--max-num-seqs", "many"], '--max-num-seqs is "many"'],
  ["a fraction of a token", ["--role=prefill", "--block-size=1.5"], "--block-size is 1.5"],
  [
    "a time too long for a timer",
    ["--role=prefill", "--inter-token-ms=3000000"],
    '--inter-token-ms is "3000000"',
  ],
  ["a port that there is not", ["--role=prefill", "--port=70000"], "--port is 70000"],
  ["no role and no rank tables", [], "the role is unknown"],
  [
    "a batching policy on decode",
    ["--role=decode", "--prefill-batching-policy=gtsf"],
    "to a decode instance",
  ],
  ["too small batches", ["--role=prefill", "--max-num-batched-tokens=100"], "less than --max-model-len 4096"],
  ["a KV cache that is too small", ["--role=prefill", "--kv-blocks=10"], "the KV cache holds 160 tokens"],
  ["a check of devices without rank tables", ["--role=prefill", "--check-devices"], "needs rank tables"],
])("%s is a clear message, without a stack, and exit code 1.", async (_, args, message) => {
  const { code, stdout, stderr } = await outcome(launch([...flags, ...args]));

  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^simulator: .+\n {2}fix: .+\n$/);
});

test("A port that is taken is a clear message and exit code 1.", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;

  const { code, stderr } = await outcome(launch([...flags, "--role=decode", "--port", `${port}`]));

  expect(code).toBe(1);
  expect(stderr).toContain(`cannot listen on 127.0.0.1:${port}: EADDRINUSE`);
});

test("The manual's flags and rank tables start a prefill and a decode, which hand over exactly.", async () => {
  const manual = [
    "--tensor-parallel-size=2",
    "--max-model-len=4096",
    "--max-num-seqs=256",
    "--quantization=awq",
  ];
  const args = [...flags, ...manual, "--max-num-batched-tokens", "4096"];
  const prefill = launch([...args, "--prefill-batching-policy=gtsf"], rankTables(["104", "105"]));
  const decode = launch([...args, "--role=decode"], rankTables(["106", "107"]));
  const [prefillUrl, decodeUrl] = await Promise.all([listening(prefill), listening(decode)]);
  const prompt = `"model":"sim","messages":[{"role":"user","content":"Hello"}],"seed":9007199254740993`;

  const first = await post(
    `${prefillUrl}/v1/chat/completions`,
    `{${prompt},"max_tokens":1,"kv_transfer_params":{"do_remote_decode":true}}`,
  );
  const params = members(await first.text()).get("kv_transfer_params");
  const second = await post(
    `${decodeUrl}/v1/chat/completions`,
    `{${prompt},"max_tokens":12,"stream":true,"kv_transfer_params":${params}}`,
  );
  const deltas = sseData(await second.text())
    .slice(0, -1)
    .map((data) => JSON.parse(data).choices[0].delta);

  expect(deltas.map(({ content }) => content).join("")).toBe(expectedText(`{${prompt}}`, 12));
  expect(await (await fetch(`${prefillUrl}/metrics`)).text()).toContain(
    'vllm:kv_cache_usage_perc{model_name="sim",engine="0"} 0\n',
  );
});

test("--kv-check=none lets a client end the engine core, of which the server then tells.", async () => {
  const url = await listening(launch([...flags, "--role=decode", "--kv-check=none"]));

  const answer = await post(`${url}/v1/completions`, {
    prompt: "x",
    vllm_xargs: { kv_transfer_params: "x" },
  });

  expect([answer.status, (await fetch(`${url}/health`)).status]).toEqual([500, 503]);
});

test.each<[string, string[], string[], string]>([
  [
    "another role than the tables",
    ["104", "105"],
    ["--role=decode"],
    "lists the devices of RANK_TABLE_FILE_PATH under prefill",
  ],
  [
    "another tensor parallel size than devices",
    ["106", "107"],
    ["--tensor-parallel-size=4"],
    "has 2 devices",
  ],
  ["devices that are in no table", ["104"], ["--tensor-parallel-size=1"], "is not in"],
  [
    "devices that the container lacks",
    ["104", "105"],
    ["--tensor-parallel-size=2", "--check-devices"],
    "there is no /dev/davinci104, /dev/davinci105",
  ],
])("%s: a clear message and exit code 1.", async (_, deviceIds, args, message) => {
  const { code, stderr } = await outcome(launch([...flags, ...args], rankTables(deviceIds)));

  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/\n {2}fix: .+\n$/);
});

test("SIGTERM lets a stream finish, takes nothing new, not even on its connection, and exits with 0.", async () => {
  const child = launch([...flags, "--role=prefill", "--inter-token-ms=20"]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const options = { agent, method: "POST", headers: { "Content-Type": "application/json" } };
  const url = await listening(child);
  const client = request(`${url}/v1/completions`, options);
  client.end(JSON.stringify({ prompt: "x", max_tokens: 30, stream: true }));
  const [stream] = await once(client, "response");

  child.kill("SIGTERM");
  const ended = once(child, "exit");
  const data = sseData(await text(stream));
  const next = request(`${url}/health`, { agent }).end();

  expect(data.length).toBe(31);
  expect(data.at(-1)).toBe("[DONE]");
  await expect(once(next, "response")).rejects.toThrow();
  expect(await ended).toEqual([0, null]);
});

test("SIGTERM cuts what does not finish in time, and exits with 0.", async () => {
  const child = launch([...flags, "--role=prefill", "--inter-token-ms=1000000", "--shutdown-timeout=0.1"]);
  const url = await listening(child);
  const stream = await post(`${url}/v1/completions`, { prompt: "x", max_tokens: 30, stream: true });

  child.kill("SIGTERM");
  const ended = once(child, "exit");

  await expect(stream.text()).rejects.toThrow();
  expect(await ended).toEqual([0, null]);
});

test("Bundled to one file it runs alone, writes nothing, and warns of nothing.", async () => {
  const folder = temporaryFolder();
  const program = join(folder, "simulator.js");
  await build({
    entryPoints: [MAIN],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
  });
  chmodSync(folder, 0o555);
  onTestFinished(() => chmodSync(folder, 0o755));

  const child = launch([...flags, "--role=prefill"], { NODE_ENV: "production" }, program);
  const ended = outcome(child);
  const answer = await post(`${await listening(child)}/v1/completions`, { prompt: "x", max_tokens: 4 });
  child.kill("SIGTERM");

  expect(await completionText(answer)).toBe(expectedText(`{"prompt":"x"}`, 4));
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(folder)).toEqual(["simulator.js"]);
});

test("With a port a rank each rank is an instance by itself, which knows one rank.", async () => {
  const child = launch([
    ...flags,
    "--role=prefill",
    "--data-parallel-size=2",
    "--data-parallel-multi-port-external-lb",
  ]);
  let output = "";
  child.stdout.on("data", (bytes) => {
    output += bytes;
  });
  await vi.waitUntil(() => output.split("\n").length > 2, { timeout: 60_000 });
  const urls = [...output.matchAll(/ on (\S+)$/gm)].map(([, address]) => `http://${address}`);

  const ask = (url: string, rank: string) =>
    post(`${url}/v1/completions`, '{"prompt":"x","max_tokens":1}', {
      headers: { "Content-Type": "application/json", "X-data-parallel-rank": rank },
    });
  const answers = await Promise.all(urls.flatMap((url) => [ask(url, "0"), ask(url, "1")]));

  expect(new Set(urls).size).toBe(2);
  expect(answers.map(({ status }) => status)).toEqual([200, 400, 200, 400]);
});

/** A head on its own port and the further ranks of its instance, as on another host; `port` is where they meet. */
function overTwoHosts(port: number, changes: readonly string[] = []) {
  const both = ["--role=decode", "--data-parallel-size=3", `--data-parallel-rpc-port=${port}`];
  const head = launch([...flags, ...both, "--data-parallel-size-local=1"]);
  const own = ["--headless", "--data-parallel-size-local=2", "--data-parallel-start-rank=1"];
  const member = () => launch([...flags, ...both, ...own, ...changes]);
  return { head, member };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

test("An instance over two hosts answers when all ranks are there, for each of them.", async () => {
  const { head, member } = overTwoHosts(await freePort());
  const said = once(head.stderr, "data");
  expect(`${(await said)[0]}`).toContain("waiting for ranks 1, 2 of 3");
  expect(head.stdout.read()).toBeNull();
  member();

  const url = await listening(head);
  const body = '{"model":"sim","prompt":"Over hosts.","max_tokens":4}';
  const texts = await Promise.all(
    ["0", "1", "2"].map(async (rank) => {
      const headers = { "Content-Type": "application/json", "X-data-parallel-rank": rank };
      const response = await fetch(`${url}/v1/completions`, { method: "POST", headers, body });
      return completionText(response);
    }),
  );
  expect(texts).toEqual(Array(3).fill(expectedText(body, 4)));
});

test.each(["head", "member"] as const)(
  "When the %s is lost, the other one ends with an error.",
  async (lost) => {
    const { head, member } = overTwoHosts(await freePort());
    const processes = { head, member: member() };
    await listening(head);
    const other = outcome(processes[lost === "head" ? "member" : "head"]);

    processes[lost].kill("SIGKILL");

    const { code, stderr } = await other;
    expect(code).toBe(1);
    expect(stderr).toMatch(lost === "head" ? /the head is gone/ : /ranks 1, 2 are gone/);
  },
);

test.each([
  ["ranks that there are not", ["--data-parallel-start-rank=2"]],
  ["the head's rank", ["--data-parallel-start-rank=0"]],
])("A member with %s is refused with the fix.", async (_, changes) => {
  const { code, stderr } = await outcome(overTwoHosts(await freePort(), changes).member());

  expect(code).toBe(1);
  expect(stderr).toMatch(/ranks \d to \d of 3, with --headless\n {2}fix: give the head those from 0 on/);
});

test("A member of another size ends the head, which would wait for ever.", async () => {
  const { head, member } = overTwoHosts(await freePort(), ["--data-parallel-size=4"]);
  const ended = outcome(head);
  member();

  const { code, stderr } = await ended;

  expect(code).toBe(1);
  expect(stderr).toContain("a member says ranks 1, 2 of 4");
});
