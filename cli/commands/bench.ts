import { benchmark } from "../bench/benchmark.ts";
import { BENCH_OPTIONS, readSettings } from "../bench/settings.ts";
import type { Command } from "../command.ts";

export const bench: Command = {
  summary: "measure how fast a stack, or another server, answers under load",
  usage: `usage: ascend-pd bench (--stack STACK | --url URL [--model NAME]) (--concurrency N,… | --rate R,…) [OPTIONS]

Asks for streamed completions and says TTFT, TPOT, ITL and E2EL (end to end), tokens and requests per second, and what
failed. docs/bench.md says how each is counted: as \`vllm bench serve\` does.

  --stack STACK        the scheduler of stacks/Pulumi.STACK.yaml; where it asks for keys it gives a pass
  --url URL            any server with OpenAI's API
  --model NAME         what requests put into \`model\` (the stack's; of a URL, the first of its /v1/models)
  --concurrency N,…    so many requests at any time, one behind the other; several make a run each
  --rate R,…           so many requests a second, at random moments, whether or not those before are answered
  --duration SECONDS   of each run; what is on its way then is waited for (30)
  --requests N         how many in each run, instead
  --input N            tokens of a prompt, made up by the seed, none beginning as another (256)
  --prompts FILE       prompts from a file instead, in turn: {"prompt": …} or {"messages": …} a line
  --output N           tokens of an answer (128)
  --warmup N           requests before the first run, which do not count (4)
  --seed N             for the same prompts and moments again; by default every command has others
  --slo LIMITS         what a request must keep to count for goodput: ttft=2s,tpot=50ms,e2el=10s
  --plot FILE          draw times by percentile, as SVG
  --measurements FILE  also run each concurrency with answers of one token, and write what \`ascend-pd ratio FILE\` reads
  --json               print {"endpoint", "model", "seed", "slo", "results": […]}, with vLLM's names

The key in OPENAI_API_KEY, where there is one, goes with each request. Ctrl-C ends it early, with what was measured until then.

examples:
  ascend-pd bench --stack 2p2d --concurrency 16 --slo ttft=2s,tpot=50ms
  ascend-pd bench --url http://10.0.0.18:9000 --rate 4,8,16 --duration 120 --plot rates.svg
  ascend-pd bench --stack 1p1d --concurrency 1,4,16,64 --slo ttft=1s,tpot=50ms --measurements measured.yaml
  ascend-pd ratio measured.yaml --rate 26

exit codes: 0 every request was answered, 1 some were not, 2 the command line, the stack file or a file of prompts is
wrong`,
  options: BENCH_OPTIONS,
  run: (args) => benchmark(readSettings(args)),
};
