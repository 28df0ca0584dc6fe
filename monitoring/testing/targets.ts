import type { Targets } from "../targets.ts";

export const sampleTargets: Targets = {
  stack: "2p2d",
  scheduler: { address: "127.0.0.1:9464", host: "host-a" },
  instances: [
    { address: "10.0.0.18:8088", role: "prefill", name: "prefill-0", host: "host-a" },
    { address: "[2001:db8::19]:8089", role: "decode", name: "long", host: "host-b" },
  ],
  npuExporters: ["10.0.0.18:8082"],
};
