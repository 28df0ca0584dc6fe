import { isLoopback } from "../../rank-tables/addresses.ts";
import { found, hostOf, type Instance, type Topology } from "../topology.ts";

/** The flags of the manual's start command, in its order, then what the stack file adds. */
export function serverFlags(topology: Topology, instance: Instance): string[] {
  const { model } = topology.file;
  return [
    `--model=${model.path}`,
    `--tensor-parallel-size=${tensorParallelSize(topology, instance)}`,
    `--max-model-len=${model.maxModelLen}`,
    `--max-num-seqs=${model.maxNumSeqs}`,
    `--max-num-batched-tokens=${model.maxNumBatchedTokens}`,
    `--host=${bindAddress(topology, instance)}`,
    `--port=${instance.port}`,
    "--served-model-name",
    model.servedName,
    ...optional("--quantization", model.quantization),
    ...optional("--prefill-batching-policy", instance.batchingPolicy),
    ...optional("--prefill-routing-policy", instance.routingPolicy),
    ...instance.extraArgs,
  ];
}

const optional = (flag: string, value: string | undefined) =>
  value === undefined ? [] : [`${flag}=${value}`];

/** What `args` say to this repository's scheduler: `--flag=value` or `--flag value`, and `_` in a flag is `-`. */
export function flagsIn(args: readonly string[]) {
  return [...args.entries()].flatMap(([index, argument]) => {
    const [, flag, value = args[index + 1]] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    return flag === undefined ? [] : [{ index, name: flag.replaceAll("_", "-"), value }];
  });
}

/** One rank a device. The manual starts the scheduler, which has none, with the same number as the others. */
function tensorParallelSize(topology: Topology, { npus }: Instance): number {
  return npus.length || found(topology.instances[0]).npus.length;
}

/** What is only reached over loopback listens only there. */
function bindAddress(topology: Topology, instance: Instance): string {
  const { address } = hostOf(topology, instance);
  return isLoopback(address) ? "127.0.0.1" : "0.0.0.0";
}

/** The variables of the manual's start command, but for those of the proxy. */
export function serverEnv(
  topology: Topology,
  { extraEnv }: Instance,
  tables: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...tables, USE_OPENAI: topology.file.scheduler.useOpenai ? "1" : "0", ...extraEnv };
}

/** Addresses that no proxy may stand before. One by one, since not every client understands address ranges. */
export function proxyEnv(topology: Topology) {
  const addresses = topology.instances.map((instance) => hostOf(topology, instance).address);
  const { noProxy } = topology.file.scheduler;
  const direct = [...new Set(["localhost", "127.0.0.1", ...addresses, ...noProxy])].join(",");
  return { no_proxy: direct, NO_PROXY: direct };
}
