import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import {
  metric,
  type Program,
  scheduler,
  simulator,
  temporaryFolder,
  until,
} from "./testing/pd-processes.ts";

/** `ascend-pd`, as the shell runs it; resolves when it is over. */
function ascendPd(
  args: readonly string[],
  cwd = process.cwd(),
  begun: (child: ChildProcess) => void = () => {},
) {
  const child = spawn(resolve("cli/ascend-pd.mjs"), args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  begun(child);
  return Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([stdout, stderr, [code]]) => ({ stdout, stderr, code: code as number | null }),
  );
}

const metricsOf = (front: Program) => {
  const port = /^metrics on \S+:(\d+)$/m.exec(front.output())?.[1];
  return { url: `http://127.0.0.1:${port}` };
};

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

const COMPLETIONS = 'path="/v1/completions",outcome="ok"';

test.each([
  ["a closed loop", ["--concurrency=5"]],
  ["an open loop", ["--rate=200"]],
])("%s counts the requests and tokens that scheduler and engines count.", async (_what, load) => {
  const prefill = [await simulator("prefill"), await simulator("prefill")];
  const decode = [await simulator("decode"), await simulator("decode")];
  const front = await scheduler(prefill, decode, { args: ["--metrics-port=0"] });
  const sizes = ["--requests=60", "--warmup=7", "--input=200", "--output=12"];

  const { stdout, code } = await ascendPd([
    ...["bench", `--url=${front.url}`, ...load, ...sizes, "--slo=ttft=60s,tpot=10s", "--json"],
  ]);

  const { endpoint, model, results } = JSON.parse(stdout);
  const [result] = results;
  expect(code).toBe(0);
  expect([endpoint, model, results.length]).toEqual([front.url, "sim", 1]);
  expect(result).toMatchObject({
    num_prompts: 60,
    completed: 60,
    failed: 0,
    cancelled: 0,
    total_input_tokens: 60 * 200,
    total_output_tokens: 60 * 12,
    errors: {},
  });
  expect(result.request_goodput).toBe(result.request_throughput);
  expect(result.mean_ttft_ms + 11 * result.mean_tpot_ms).toBeCloseTo(result.mean_e2el_ms, 3);
  // With those of the warm-up.
  const metrics = metricsOf(front);
  expect(await metric(metrics, "ascend_pd_requests_total", COMPLETIONS)).toBe(67);
  const generated = decode.map((one) => metric(one, "vllm:generation_tokens_total"));
  expect(sum(await Promise.all(generated))).toBe(67 * 12);
  const computed = prefill.map((one) => metric(one, "vllm:prompt_tokens_total"));
  expect(sum(await Promise.all(computed))).toBe(67 * 200);
});

test("Ctrl-C ends it with what was measured; what is on its way is left, and the scheduler knows.", async () => {
  const [prefill, decode] = [await simulator("prefill"), await simulator("decode", ["--inter-token-ms=20"])];
  const front = await scheduler([prefill], [decode], { args: ["--metrics-port=0"] });
  const metrics = metricsOf(front);
  const folder = temporaryFolder();
  // One of a token, which is over soon; then some of a minute each.
  const prompts = [1, 3000, 3000, 3000, 3000].map((tokens, index) =>
    JSON.stringify({ prompt: `Question ${index}\n请回答。`, output_tokens: tokens }),
  );
  writeFileSync(join(folder, "prompts.jsonl"), `${prompts.join("\n")}\n`);
  const sent = [
    "--concurrency=2",
    "--requests=5",
    "--warmup=0",
    `--prompts=${join(folder, "prompts.jsonl")}`,
  ];
  let child: ChildProcess | undefined;

  const over = ascendPd(["bench", `--url=${front.url}`, ...sent], undefined, (begun) => {
    child = begun;
  });
  await until(
    async () => (await metric(metrics, "ascend_pd_requests_total", COMPLETIONS).catch(() => 0)) === 1,
  );
  await until(async () => (await metric(decode, "vllm:num_requests_running")) === 2);
  child?.kill("SIGINT");
  const { stdout, code } = await over;

  expect(stdout).toMatch(/^concurrency 2: 1 answered in \S+ s, 2 left before their end\n/);
  expect(code).toBe(0);
  await until(async () => (await metric(decode, "vllm:num_requests_running")) === 0);
  expect(await metric(metrics, "ascend_pd_requests_total", 'outcome="client_left"')).toBe(2);
});

test("What fails is told by class, and where nothing is answered there is no measurement.", async () => {
  const [prefill, decode] = [await simulator("prefill"), await simulator("decode")];
  const front = await scheduler([prefill], [decode]);
  const base = ["bench", `--url=${front.url}`, "--concurrency=2", "--requests=6", "--model=other"];

  const refused = await ascendPd(base);
  const failed = await ascendPd([...base, "--warmup=0", "--json"]);

  expect(refused.stderr).toMatch(/^error: \S+ answers no request: 404 model_not_found: .*\nfix: /m);
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  const [result] = JSON.parse(failed.stdout).results;
  expect(result).toMatchObject({ completed: 0, failed: 6, errors: { "404 model_not_found": { count: 6 } } });
  expect(failed.code).toBe(1);
});

test("What it measures of a stack `ascend-pd ratio` reads, and it draws it.", async () => {
  const [prefill, decode] = [
    await simulator("prefill", ["--ttft-base-ms=5"]),
    await simulator("decode", ["--inter-token-ms=2"]),
  ];
  const front = await scheduler([prefill], [decode], { args: ["--metrics-port=0"] });
  const folder = temporaryFolder();
  cpSync("stacks", join(folder, "stacks"), { recursive: true });
  const stack = readFileSync("stacks/Pulumi.sim-1p1d.yaml", "utf8")
    .replace("port: 9000", `port: ${front.port}`)
    .replace("servedName: simulated", "servedName: sim");
  writeFileSync(join(folder, "stacks/Pulumi.measured.yaml"), stack);
  const args = [
    "bench",
    "--stack=measured",
    "--concurrency=2,4",
    "--requests=24",
    "--input=100",
    "--output=20",
  ];
  const measuring = ["--slo=ttft=60s,tpot=10s", "--measurements=measured.yaml", "--plot=plot.svg"];

  const measured = await ascendPd([...args, ...measuring], folder);
  const sized = await ascendPd(["ratio", "measured.yaml", "--npus=8", "--stack=measured", "--json"], folder);
  const again = await ascendPd([...args, ...measuring], folder);

  expect(measured.stdout).toMatch(/^concurrency 2, answers of one token: 24 answered/);
  expect(measured.stdout).toMatch(/^concurrency 4: 24 answered/m);
  expect(measured.code).toBe(0);
  const { plan, refused } = JSON.parse(sized.stdout);
  expect([sized.code, refused]).toEqual([0, []]);
  expect(plan.points.prefill.path).toMatch(/^prefill\.points\[[01]\]$/);
  expect(readFileSync(join(folder, "measured.yaml"), "utf8")).toMatch(
    /input: 100\n +batch: 2\n +ttftMs: [\d.]+\n +- input: 100\n +batch: 4\n/,
  );
  expect(readFileSync(join(folder, "plot.svg"), "utf8").match(/class="run"/g)).toHaveLength(8);
  expect(again.stderr).toBe("error: plot.svg exists already\nfix: name another file, or move it away\n");
  expect(again.code).toBe(2);
  expect(await metric(metricsOf(front), "ascend_pd_requests_total", COMPLETIONS)).toBe(4 * 24 + 4);
  expect(existsSync(join(folder, "measured.yaml"))).toBe(true);
});
