import type { Flags } from "./flags.ts";
import type { Placement, Role } from "./rank-table.ts";
import { VLLM_VERSIONS } from "./responses.ts";
import type { SimulatorConfig } from "./server.ts";
import { KV_CONNECTORS } from "./transfer-fields.ts";
import { UsageError } from "./usage-error.ts";

/** The configuration that flags and rank tables give together. Throws UsageError where they contradict. */
export function configOf(
  flags: Flags,
  placement: Placement | undefined,
  { VLLM_API_KEY: apiKey }: NodeJS.ProcessEnv,
): SimulatorConfig {
  const model = flags.text("model");
  if (!model) throw new UsageError("--model is missing", "give the path of the weights, e.g. --model /m");
  const config: SimulatorConfig = {
    role: roleOf(flags, placement),
    host: flags.text("host") ?? "",
    port: flags.integer("port", 0, 65_535),
    model,
    servedModelName: flags.text("served-model-name") ?? model,
    dataParallelSize: flags.integer("data-parallel-size", 1, 64),
    apiKey: apiKey || undefined,
    tensorParallelSize: flags.integer("tensor-parallel-size"),
    maxModelLen: flags.integer("max-model-len"),
    maxNumSeqs: flags.integer("max-num-seqs"),
    maxNumQueuedReqs:
      flags.text("max-num-queued-reqs") === undefined
        ? Number.POSITIVE_INFINITY
        : flags.integer("max-num-queued-reqs", 0),
    maxNumBatchedTokens: flags.integer("max-num-batched-tokens"),
    ttftBaseMs: flags.number("ttft-base-ms"),
    ttftMsPerToken: flags.number("ttft-ms-per-token"),
    interTokenMs: flags.number("inter-token-ms"),
    kvBlocks: flags.integer("kv-blocks"),
    blockSize: flags.integer("block-size"),
    prefixCaching: !flags.isSet("no-enable-prefix-caching"),
    kvHost: flags.text("kv-host") ?? placement?.serverIp ?? "127.0.0.1",
    kvLeaseSeconds: flags.number("kv-lease-seconds"),
    kvLoadFailurePolicy: flags.oneOf("kv-load-failure-policy", ["fail", "recompute"]) ?? "fail",
    kvCheck: flags.oneOf("kv-check", ["strict", "none"]) ?? "strict",
    kvConnector: flags.oneOf("kv-connector", KV_CONNECTORS) ?? "NixlConnector",
    kvLookup: flags.oneOf("kv-lookup", ["params", "prompt"]) ?? "params",
    kvPeers: flags.text("kv-peers")?.split(",") ?? [],
    vllmVersion: flags.oneOf("vllm-version", VLLM_VERSIONS) ?? "0.32",
    seed: flags.integer("seed", 0),
    preemptWithin: flags.integer("preempt-within", 0),
    wrongKvFrom: flags.text("wrong-kv-from")?.split(",") ?? [],
  };
  check(config, placement, flags);
  checkKvPeers(config);
  checkPreemption(config);
  checkWrongKv(config);
  checkBatchingPolicy(flags, config.role);
  return config;
}

function roleOf(flags: Flags, placement: Placement | undefined): Role {
  const given = flags.oneOf("role", ["prefill", "decode"]);
  const role = given ?? placement?.role;
  if (role === undefined) {
    throw new UsageError(
      "the role is unknown",
      "give --role, or RANK_TABLE_FILE_PATH and GLOBAL_RANK_TABLE_FILE_PATH in the environment",
    );
  }
  if (placement?.role !== undefined && role !== placement.role) {
    throw new UsageError(
      `--role is ${role}, but the global rank table lists the devices of RANK_TABLE_FILE_PATH under ${placement.role}`,
      "drop --role, or give this instance its own local rank table",
    );
  }
  return role;
}

function check(config: SimulatorConfig, placement: Placement | undefined, flags: Flags): void {
  const { tensorParallelSize, maxModelLen, maxNumBatchedTokens, kvBlocks, blockSize } = config;
  const isPart = flags.text("data-parallel-size-local") !== undefined;
  const ranks = isPart ? flags.integer("data-parallel-size-local", 1, 64) : 1;
  const devices = (placement?.deviceIds.length ?? tensorParallelSize * ranks) / ranks;
  if (tensorParallelSize !== devices) {
    throw new UsageError(
      `--tensor-parallel-size is ${tensorParallelSize}, but the local rank table has ${devices} devices`,
      `give --tensor-parallel-size ${devices}, or the right table`,
    );
  }
  if (maxNumBatchedTokens < maxModelLen) {
    throw new UsageError(
      `--max-num-batched-tokens is ${maxNumBatchedTokens}, less than --max-model-len ${maxModelLen}`,
      `give at least ${maxModelLen}`,
    );
  }
  if (kvBlocks * blockSize < maxModelLen) {
    throw new UsageError(
      `the KV cache holds ${kvBlocks * blockSize} tokens, less than --max-model-len ${maxModelLen}`,
      `give --kv-blocks ${Math.ceil(maxModelLen / blockSize)} or more`,
    );
  }
}

function checkKvPeers({ role, kvLookup, kvPeers }: SimulatorConfig): void {
  const asks = kvLookup === "prompt" && role === "decode";
  if (asks !== kvPeers.length > 0) {
    throw new UsageError(
      asks ? "--kv-peers is missing" : "--kv-peers is given to an instance that asks no other",
      "give it to decode instances with --kv-lookup prompt, and only to those",
    );
  }
  checkAddresses("kv-peers", kvPeers);
}

function checkAddresses(flag: string, addresses: readonly string[]): void {
  const wrong = addresses.find((one) => !/^.+:[0-9]{1,5}$/.test(one));
  if (wrong !== undefined) throw new UsageError(`--${flag} has "${wrong}"`, "give HOST:PORT,HOST:PORT,…");
}

function checkWrongKv({ role, wrongKvFrom }: SimulatorConfig): void {
  if (wrongKvFrom.length > 0 && role !== "decode")
    throw new UsageError("--wrong-kv-from is given to a prefill instance", "drop it here");
  checkAddresses("wrong-kv-from", wrongKvFrom);
}

function checkPreemption({ role, preemptWithin }: SimulatorConfig): void {
  if (preemptWithin > 0 && role !== "decode")
    throw new UsageError("--preempt-within is given to a prefill instance", "drop it here");
}

function checkBatchingPolicy(flags: Flags, role: Role): void {
  const policy = flags.oneOf("prefill-batching-policy", ["fcfs", "gtsf"]);
  if (policy !== undefined && role !== "prefill") {
    throw new UsageError("--prefill-batching-policy is given to a decode instance", "drop it here");
  }
}
