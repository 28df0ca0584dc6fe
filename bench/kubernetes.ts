import { mkdir, writeFile } from "node:fs/promises";
import { kubernetesObjects } from "../kubernetes/objects.ts";
import { yaml } from "../kubernetes/yaml.ts";
import { plan } from "../planning/make-plan.ts";
import { machine, spread } from "./machine.ts";

// Seconds, and seconds of processor, from a stack file's content to the manifests of 1,000 instances of the simulator on 128 nodes, and how large they
// are. Usage: see README.md in this folder.

const nodes = 128;
const instances = 1000;
const rounds = Number(process.argv[2] ?? 10);
const input = deployment();

const first = measure();
const later = Array.from({ length: rounds }, measure);
const report = {
  measured: new Date().toISOString().slice(0, 10),
  machine: machine(),
  nodes,
  instances,
  objects: first.objects,
  mebibytes: Math.round(first.bytes / 2 ** 18) / 4,
  rounds,
  seconds: { first: first.seconds, later: spread(later.map(({ seconds }) => seconds)) },
  processorSeconds: { first: first.processor, later: spread(later.map(({ processor }) => processor)) },
};
await mkdir("bench/results", { recursive: true });
await writeFile("bench/results/kubernetes.json", `${JSON.stringify(report, undefined, 2)}\n`);
console.log(report);

function measure() {
  const started = performance.now();
  const before = process.cpuUsage();
  const result = plan("bench", input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems[0]));
  const { kubernetes } = result.plan;
  if (kubernetes === undefined) throw new Error("it has no cluster");
  const objects = kubernetesObjects({ ...result.plan, kubernetes });
  const bytes = objects.map(yaml).join("---\n").length;
  const { user, system } = process.cpuUsage(before);
  const processor = Math.round((user + system) / 1000) / 1000;
  return {
    processor,
    seconds: Math.round(performance.now() - started) / 1000,
    objects: objects.length,
    bytes,
  };
}

/** Nodes filled in turn: the first half prefill, the second decode. */
function deployment() {
  const instance = (number: number, port: number) => {
    const card = Math.floor(number / nodes);
    return { host: `n-${number % nodes}`, devices: [2 * card, 2 * card + 1], port: port + card };
  };
  const numbers = Array.from({ length: instances }, (_, number) => number);
  return {
    target: { kind: "kubernetes", namespace: "pd", registry: "registry.example.com/pd" },
    engine: { kind: "simulated" },
    model: { path: "/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: Object.fromEntries(
      numbers.slice(0, nodes).map((number) => [`n-${number}`, { address: `10.0.0.${number + 1}`, npus: 16 }]),
    ),
    prefill: numbers.slice(0, instances / 2).map((number) => instance(number, 8088)),
    decode: numbers.slice(instances / 2).map((number) => instance(number, 8188)),
    scheduler: { port: 9000 },
  };
}
