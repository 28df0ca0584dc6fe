import { repeated } from "../../problems/repeated.ts";
import type { Rule } from "./rule.ts";

export const hostsOfInstanceDistinct: Rule = {
  code: "PD167",
  severity: "error",
  title: "an instance over several hosts names each of them once",
  why: "All its NPUs of a host are one container's; a second one there would only wait for the first over the network.",
  source: "vLLM, data parallel deployment: one `vllm serve` on each node",
  check: ({ instances }) =>
    repeated(
      instances.filter(({ member }) => member !== undefined),
      ({ path, host }) => `${path} ${host}`,
    ).map(([{ place, host }, first]) => ({
      path: `${place}.host`,
      message: `${host} is that of ${first.place} too`,
      fix: "put all its NPUs there, or name another host",
    })),
};
