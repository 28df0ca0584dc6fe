import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

interface Flag {
  /** What the value stands for; a flag without one takes no value. */
  readonly value?: string;
  readonly default?: string;
  readonly help: string;
}

const FLAGS = {
  role: { value: "prefill|decode", help: "needed without rank tables, checked against them otherwise" },
  host: { value: "ADDRESS", default: "0.0.0.0", help: "address to listen on" },
  port: { value: "PORT", default: "8000", help: "port to listen on; 0 takes a free one" },
  model: { value: "PATH", help: "required; only shown, nothing is loaded" },
  "served-model-name": { value: "NAME", help: "what requests put into `model`; default: --model" },
  "tensor-parallel-size": { value: "N", default: "1", help: "NPUs of the instance, as in its rank table" },
  "data-parallel-size": { value: "N", default: "1", help: "ranks behind the port, each with an engine" },
  "data-parallel-size-local": { value: "N", help: "of these on this host; default: all" },
  "data-parallel-start-rank": { value: "RANK", default: "0", help: "the first of them" },
  "data-parallel-address": { value: "ADDRESS", default: "127.0.0.1", help: "of the host with rank 0" },
  "data-parallel-rpc-port": { value: "PORT", default: "29550", help: "on which rank 0 waits for the others" },
  headless: { help: "no API: ranks of an instance whose first is elsewhere" },
  "data-parallel-multi-port-external-lb": { help: "a port a rank instead, from --port on" },
  "max-model-len": { value: "TOKENS", default: "4096", help: "prompt and completion together" },
  "max-num-seqs": { value: "N", default: "256", help: "sequences that run at once; others wait" },
  "max-num-queued-reqs": {
    value: "N",
    help: "sequences that run or wait; more are refused; default: any number",
  },
  "max-num-batched-tokens": { value: "TOKENS", default: "4096", help: "prompt tokens computed at once" },
  "prefill-batching-policy": { value: "fcfs|gtsf", help: "prefill only; accepted, the queue is fcfs" },
  quantization: { value: "METHOD", help: "accepted, without effect" },
  "ttft-base-ms": { value: "MS", default: "45", help: "time to first token of an empty prompt" },
  "ttft-ms-per-token": { value: "MS", default: "0.05", help: "added for each prompt token" },
  "inter-token-ms": { value: "MS", default: "15", help: "between two tokens; twice that in a full batch" },
  "kv-blocks": { value: "N", default: "4096", help: "size of the KV cache" },
  "enable-prefix-caching": { help: "as in vLLM the default" },
  "no-enable-prefix-caching": { help: "every prompt is computed whole" },
  "block-size": { value: "TOKENS", default: "16", help: "tokens in a KV block" },
  "kv-host": { value: "ADDRESS", help: "where decode pulls KV; default: server_ip of the rank table" },
  "kv-lease-seconds": { value: "S", default: "30", help: "how long prefill keeps KV blocks for decode" },
  "kv-load-failure-policy": { value: "fail|recompute", default: "fail", help: "when decode gets no KV" },
  "kv-check": {
    value: "strict|none",
    default: "strict",
    help: "refuse KV parameters of another prompt, or let them poison as in vLLM",
  },
  "kv-connector": {
    value: "NAME",
    default: "NixlConnector",
    help: "or MooncakeConnectorV1, MooncakeLayerwiseConnector: whose KV parameters, and who gives them when",
  },
  "kv-lookup": { value: "params|prompt", default: "params", help: "how decode finds the KV cache" },
  "kv-peers": {
    value: "HOST:PORT,…",
    help: "with --kv-lookup prompt: the prefill instances that decode asks",
  },
  "vllm-version": {
    value: "0.32|0.33",
    default: "0.32",
    help: "whose answers: 0.33 has KV fields in chunks",
  },
  seed: { value: "N", default: "0", help: "stands for the weights: the same in all instances" },
  "preempt-within": {
    value: "TOKENS",
    default: "0",
    help: "decode gives requests back (`recomputed`) after 1 to so many",
  },
  "wrong-kv-from": {
    value: "HOST:PORT,…",
    help: "decode answers 200 with wrong tokens after KV from there; POST /simulator/faults changes it",
  },
  "shutdown-timeout": { value: "S", default: "5", help: "for requests in flight after SIGTERM" },
  "check-devices": { help: "fail unless /dev has the NPUs of the rank table" },
  help: { help: "show this" },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof FLAGS;

const MAX_NUMBER = 2_000_000;

/** Flags by name, `--flag=value` or `--flag value`, defaults filled in. */
export class Flags {
  readonly #given: Readonly<Record<string, string | boolean | undefined>>;

  /** Throws UsageError for what is no flag of this program. */
  constructor(argv: readonly string[]) {
    const options = Object.fromEntries(
      Object.entries<Flag>(FLAGS).map(([name, flag]) => [
        name,
        { type: flag.value === undefined ? ("boolean" as const) : ("string" as const) },
      ]),
    );
    try {
      this.#given = parseArgs({ args: [...argv], options, strict: true }).values;
    } catch (error) {
      throw new UsageError(
        error instanceof Error ? error.message.replace(/\. To specify .*$/s, "") : `${error}`,
        "see --help",
      );
    }
  }

  isSet(name: FlagName): boolean {
    return this.#given[name] === true;
  }

  text(name: FlagName): string | undefined {
    const flag: Flag = FLAGS[name];
    const given = this.#given[name];
    return typeof given === "string" ? given : flag.default;
  }

  oneOf<Choice extends string>(name: FlagName, choices: readonly Choice[]): Choice | undefined {
    const given = this.text(name);
    const choice = choices.find((candidate) => candidate === given);
    if (given !== undefined && choice === undefined) {
      throw new UsageError(`--${name} is "${given}"`, `give one of ${choices.join(", ")}`);
    }
    return choice;
  }

  /** A whole number from `min` to `max`. */
  integer(name: FlagName, min = 1, max = MAX_NUMBER): number {
    const value = this.number(name);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} is ${value}`, `give a whole number from ${min} to ${max}`);
  }

  /** A number that is not negative, and small enough for a timer, be it milliseconds or seconds. */
  number(name: FlagName): number {
    const given = this.text(name) ?? "";
    if (/^\d+(\.\d+)?$/.test(given) && Number(given) <= MAX_NUMBER) return Number(given);
    throw new UsageError(`--${name} is "${given}"`, `give a number from 0 to ${MAX_NUMBER}`);
  }
}

export function helpText(): string {
  const lines = Object.entries<Flag>(FLAGS).map(([name, { value, default: preset, help }]) => {
    const usage = `--${name}${value === undefined ? "" : ` ${value}`}`;
    return `  ${usage.padEnd(42)} ${help}${preset === undefined ? "" : ` [${preset}]`}`;
  });
  return `A simulated vLLM instance of a PD-separated deployment: HTTP, metrics and KV hand-over as of a real one,
tokens that follow from the prompt alone.

Usage: node simulator/main.ts --role prefill|decode --model PATH [flags]

${lines.join("\n")}

With RANK_TABLE_FILE_PATH and GLOBAL_RANK_TABLE_FILE_PATH in the environment the role follows from the tables; with
RANK_TABLE_FILE_PATH alone --role is needed too.

Example: one prefill and one decode instance
  node simulator/main.ts --role prefill --model /m --served-model-name sim --port 8088 &
  node simulator/main.ts --role decode  --model /m --served-model-name sim --port 8089 &
`;
}
