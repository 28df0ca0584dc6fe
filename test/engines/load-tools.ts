import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../system/programs.ts";
import type { Context } from "../../toolchain/context.ts";
import { pythonWith } from "../../toolchain/python-packages.ts";
import { counts } from "./engine-metrics.ts";
import { type Proof, unequal } from "./proving.ts";
import { MODEL, type Place } from "./rig.ts";
import type { System } from "./systems.ts";

/*
 * Load tools that people use, against real vLLM behind the scheduler: what they report is what the scheduler has counted.
 */

const REQUESTS = 64;
const PROMPT_TOKENS = 100;
const ANSWER_TOKENS = 32;
const AT_ONCE = 8;

/** What a tool says of all requests; milliseconds on the average. */
interface Report {
  readonly requests: number;
  readonly failed: number;
  readonly tokens: number;
  readonly ttft: number;
}

interface Target {
  readonly url: string;
  readonly model: string;
  /** For its files. */
  readonly folder: string;
}

type Tool = (target: Target) => Promise<Report>;

export async function proveLoadTools(
  context: Context,
  place: Place,
  system: System,
  metricsPort: number,
): Promise<Record<string, Proof>> {
  const proofs: Record<string, Proof> = {};
  for (const [name, tool] of Object.entries(await toolsOf(context, place))) {
    const before = await counted(system, metricsPort);
    const report = await tool({
      url: system.scheduler,
      model: place.model,
      folder: join(place.logs, name.replaceAll(" ", "-")),
    });
    const proof = proofOf(report, before, await counted(system, metricsPort));
    console.log([`${name}: ${JSON.stringify(proof.figures)}`, ...proof.wrong].join("\n    WRONG: "));
    proofs[name] = proof;
  }
  return proofs;
}

function proofOf(report: Report, before: Counted, after: Counted): Proof {
  const requests = after.requests - before.requests;
  const tenths = (ms: number) => Math.round(10 * ms) / 10;
  const figures = {
    ...report,
    ttft: tenths(report.ttft),
    requestsCounted: requests,
    tokensCounted: after.tokens - before.tokens,
    ttftCounted: tenths((1000 * (after.ttftSum - before.ttftSum)) / (after.ttftCount - before.ttftCount)),
  };
  const wrong = unequal(figures, {
    requests: REQUESTS,
    failed: 0,
    tokens: REQUESTS * ANSWER_TOKENS,
    requestsCounted: REQUESTS,
    tokensCounted: REQUESTS * ANSWER_TOKENS,
  });
  // The client's clock is started before the scheduler's and stopped after it.
  if (!(figures.ttft >= figures.ttftCounted))
    wrong.push("the tool saw its first tokens before they were sent");
  return { figures, wrong };
}

interface Counted {
  readonly requests: number;
  readonly tokens: number;
  readonly ttftSum: number;
  readonly ttftCount: number;
}

async function counted({ decode }: System, metricsPort: number): Promise<Counted> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const sum = (start: string, part = "") =>
    text
      .split("\n")
      .filter((line) => line.startsWith(start) && line.includes(part))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  return {
    requests: sum("ascend_pd_requests_total{", 'completions",outcome="ok"'),
    tokens: (await counts(decode)).generatedTokens,
    ttftSum: sum("ascend_pd_time_to_first_token_seconds_sum"),
    ttftCount: sum("ascend_pd_time_to_first_token_seconds_count"),
  };
}

async function toolsOf(context: Context, { venv }: Place): Promise<Record<string, Tool>> {
  const bin = async (packages: string) => dirname(await pythonWith(context, [packages]));
  const aiperf = join(await bin("aiperf==0.13.0"), "aiperf");
  const evalscope = join(await bin("evalscope[perf]==1.14.1"), "evalscope");
  return {
    "vllm bench serve": async ({ url, model, folder }) => {
      await run(join(venv, "bin/vllm"), [
        ...[
          "bench",
          "serve",
          `--base-url=${url}`,
          "--backend=openai-chat",
          "--endpoint=/v1/chat/completions",
        ],
        ...[`--model=${MODEL}`, `--tokenizer=${model}`, "--dataset-name=random", "--ignore-eos"],
        ...[`--random-input-len=${PROMPT_TOKENS}`, `--random-output-len=${ANSWER_TOKENS}`],
        ...[`--num-prompts=${REQUESTS}`, `--max-concurrency=${AT_ONCE}`, "--ready-check-timeout-sec=0"],
        ...["--disable-tqdm", "--save-result", `--result-dir=${folder}`, "--result-filename=result.json"],
      ]);
      const { completed, failed, total_output_tokens, mean_ttft_ms } = await json(
        join(folder, "result.json"),
      );
      return { requests: completed, failed, tokens: total_output_tokens, ttft: mean_ttft_ms };
    },
    aiperf: async ({ url, model, folder }) => {
      await run(aiperf, [
        ...["profile", "-m", MODEL, "--url", url, "--endpoint-type", "chat", "--streaming", "--ui", "none"],
        ...["--tokenizer", model, "--use-server-token-count", "--extra-inputs", "ignore_eos:true"],
        ...["--isl", `${PROMPT_TOKENS}`, "--osl", `${ANSWER_TOKENS}`, "--random-seed", "7"],
        ...["--request-count", `${REQUESTS}`, "--concurrency", `${AT_ONCE}`, "--output-artifact-dir", folder],
      ]);
      const said = await json(join(folder, "profile_export_aiperf.json"));
      return {
        requests: said.request_count.avg,
        failed: said.error_request_count?.avg ?? 0,
        tokens: said.total_output_tokens.avg,
        ttft: said.time_to_first_token.avg,
      };
    },
    evalscope: async ({ url, model, folder }) => {
      await run(evalscope, [
        ...["perf", "--model", MODEL, "--url", `${url}/v1/chat/completions`, "--api", "openai", "--stream"],
        ...["--tokenizer-path", model, "--dataset", "random", "--seed", "7", "--outputs-dir", folder],
        ...["--min-prompt-length", `${PROMPT_TOKENS}`, "--max-prompt-length", `${PROMPT_TOKENS}`],
        ...["--min-tokens", `${ANSWER_TOKENS}`, "--max-tokens", `${ANSWER_TOKENS}`],
        ...[
          "--no-test-connection",
          "--number",
          `${REQUESTS}`,
          "--parallel",
          `${AT_ONCE}`,
          "--extra-args",
          '{"ignore_eos": true}',
        ],
      ]);
      const names = await readdir(folder, { recursive: true });
      const file = names.find((name) => name.endsWith("benchmark_summary.json")) ?? "benchmark_summary.json";
      const said = await json(join(folder, file));
      return {
        requests: said["Success Requests"],
        failed: said["Failed Requests"],
        tokens: said["Success Requests"] * said["Avg Output Tokens"],
        ttft: said["Avg TTFT (ms)"],
      };
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: reports of three programs, of which a proof takes single numbers.
async function json(file: string): Promise<any> {
  return JSON.parse(await readFile(file, "utf8"));
}
