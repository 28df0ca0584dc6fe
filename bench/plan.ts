import { mkdir, writeFile } from "node:fs/promises";
import { plan } from "../planning/make-plan.ts";
import { machine, spread } from "./machine.ts";

// Seconds and memory to plan 1,000 instances on 128 hosts: shape, rules, rank tables, every container. The peak is
// the whole process's after its first planning. Usage: see README.md in this folder.

const hosts = 128;
const instances = 1000;
const rounds = Number(process.argv[2] ?? 10);
const input = deployment();

const before = process.memoryUsage.rss();
const first = measure();
const peak = process.resourceUsage().maxRSS * 1024;
const later = Array.from({ length: rounds }, measure);

function measure(): number {
  const started = performance.now();
  const result = plan("bench", input);
  const taken = performance.now() - started;
  if ("problems" in result) throw new Error(JSON.stringify(result.problems[0]));
  if (result.plan.containers.length !== instances + 1) throw new Error("not every instance was planned");
  return Math.round(taken) / 1000;
}

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
const report = {
  measured: new Date().toISOString().slice(0, 10),
  machine: machine(),
  hosts,
  instances,
  rounds,
  seconds: { first, later: spread(later) },
  mebibytes: { before: mib(before), peak: mib(peak) },
};
await mkdir("bench/results", { recursive: true });
await writeFile("bench/results/plan.json", `${JSON.stringify(report, undefined, 2)}\n`);
console.log(report);

/** A3 hosts, filled in turn with instances of one card: the first half prefill, the second decode. */
function deployment() {
  const host = (number: number) => `host-${number % hosts}`;
  const instance = (number: number, port: number) => {
    const card = Math.floor(number / hosts);
    return { host: host(number), devices: [2 * card, 2 * card + 1], port: port + card };
  };
  const numbers = Array.from({ length: instances }, (_, number) => number);
  return {
    engine: { kind: "ascendcloud", image: "i", workDir: { source: "/data", target: "/data" } },
    model: { path: "/data/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: Object.fromEntries(
      numbers.slice(0, hosts).map((number) => [
        host(number),
        {
          address: `10.0.0.${number + 1}`,
          docker: `ssh://root@${host(number)}`,
          hostKey: "ssh-ed25519 AAAA",
          npus: 16,
          deviceIps: Object.fromEntries(
            Array.from({ length: 16 }, (_, npu) => [npu, `29.0.${number}.${npu + 1}`]),
          ),
        },
      ]),
    ),
    prefill: numbers.slice(0, instances / 2).map((number) => instance(number, 8100)),
    decode: numbers.slice(instances / 2).map((number) => instance(number, 8200)),
    scheduler: { host: host(0), port: 9000 },
  };
}
