import { bracketed, isIpv6, isLoopback } from "../../rank-tables/addresses.ts";
import { found, hostOf, type Instance, type Layout } from "../layout.ts";
import type { Tables } from "./engine.ts";

/** The flags of the manual's start command, in its order, then what the stack file adds. */
export function serverFlags(layout: Layout, instance: Instance): string[] {
  const { model } = layout.file;
  return [
    `--model=${model.path}`,
    ...tensorParallelSize(layout, instance),
    `--max-model-len=${model.maxModelLen}`,
    `--max-num-seqs=${model.maxNumSeqs}`,
    `--max-num-batched-tokens=${model.maxNumBatchedTokens}`,
    `--host=${bindAddress(layout, instance)}`,
    `--port=${instance.port}`,
    "--served-model-name",
    model.servedName,
    ...optional("--quantization", model.quantization),
    ...optional("--prefill-batching-policy", instance.batchingPolicy),
    ...optional("--prefill-routing-policy", instance.routingPolicy),
    ...instance.extraArgs,
  ];
}

export const optional = (flag: string, value: string | undefined) =>
  value === undefined ? [] : [`${flag}=${value}`];

/** What `args` say to this repository's scheduler: `--flag=value` or `--flag value`, and `_` in a flag is `-`. */
export function flagsIn(args: readonly string[]) {
  return [...args.entries()].flatMap(([index, argument]) => {
    const [, flag, value = args[index + 1]] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    return flag === undefined ? [] : [{ index, name: flag.replaceAll("_", "-"), value }];
  });
}

/**
 * One rank a device. The manual starts its scheduler, which has none, with the same number as the others; ours has no use
 * for it and stays as it is, whoever is the first of them.
 */
function tensorParallelSize({ file, instances }: Layout, { role, npus, member }: Instance): string[] {
  if (role === "scheduler" && file.scheduler.runtime === "ascend-pd") return [];
  // Of one over several hosts the NPUs of its first one: the others have as many, or whole ranks of as many.
  const own = member?.places[0]?.npus ?? npus;
  return [`--tensor-parallel-size=${own.length || found(instances[0]).npus.length || 1}`];
}

/** What is only reached over loopback listens only there. */
export function bindAddress(layout: Layout, instance: Instance): string {
  const { address } = hostOf(layout, instance);
  if (isLoopback(address)) return numeric(address);
  // On a host with both, that takes IPv4 too.
  return isIpv6(address) ? "::" : "0.0.0.0";
}

/** The address of an instance's host, for programs that take no name. */
export const ownAddress = (layout: Pick<Layout, "hosts">, instance: Pick<Instance, "host">): string =>
  numeric(hostOf(layout, instance).address);

function numeric(address: string): string {
  if (!isLoopback(address)) return address;
  return isIpv6(address) ? "::1" : "127.0.0.1";
}

/** The variables of the manual's start command, but for those of the proxy. */
export function serverEnv(layout: Layout, { extraEnv }: Instance, { env }: Tables): Record<string, string> {
  return { ...env, USE_OPENAI: layout.file.scheduler.useOpenai ? "1" : "0", ...extraEnv };
}

/**
 * Addresses that no proxy may stand before. One by one, since not every client understands address ranges, and in both forms,
 * since some compare them with what stands in a URL.
 */
export function proxyEnv(layout: Layout) {
  const addresses = layout.instances
    .map((instance) => hostOf(layout, instance).address)
    .flatMap((address) => [address, bracketed(address)]);
  const { noProxy } = layout.file.scheduler;
  const direct = [...new Set(["localhost", "127.0.0.1", ...addresses, ...noProxy])].join(",");
  return { no_proxy: direct, NO_PROXY: direct };
}
