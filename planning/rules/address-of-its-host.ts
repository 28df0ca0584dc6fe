import { canonical, isLoopback } from "../../rank-tables/addresses.ts";
import { oncePerPlace, setVariables } from "./effective-env.ts";
import type { Rule } from "./rule.ts";

export const addressOfItsHost: Rule = {
  code: "PD129",
  severity: "error",
  title: "a variable with an instance's own address (`HCCL_IF_IP`) has that of its host",
  why: "Instances on other hosts connect to what it says: a loopback address leads them to themselves, and one for two hosts is wrong on one of them. Links time out, or the first KV cache goes astray.",
  source: "CANN, `HCCL_IF_IP`; vLLM, `VLLM_HOST_IP`; reports of links that fail with 127.0.0.1",
  waivable: true,
  check: (topology) => {
    const found = setVariables(topology)
      .filter(({ name, value, host }) => ownAddress.test(name) && !isAt(value, host.address))
      .map(({ path, value, instance, host }) => {
        const others = topology.instances.some((one) => one.role !== "scheduler" && one.host !== host.name);
        const all = isLoopback(value)
          ? "is only reached from its own machine"
          : `is not the address of ${host.name}`;
        return {
          path,
          message: `${value} ${all}, where ${instance.path} runs: that is ${host.address}`,
          fix:
            path.startsWith("engine.") && others
              ? `remove it here; where an instance needs it, set it in its own extraEnv, for ${instance.path} to ${host.address}`
              : `set it to ${host.address}, or remove it`,
        };
      });
    return oncePerPlace(found);
  },
};

const ownAddress =
  /^(HCCL_IF_IP|VLLM_HOST_IP|HOST_IP|POD_IP|VLLM_NIXL_SIDE_CHANNEL_HOST|MC_TCP_BIND_ADDRESS)$/;

const isAt = (value: string, address: string): boolean =>
  canonical(value) === canonical(address) || (isLoopback(value) && isLoopback(address));
