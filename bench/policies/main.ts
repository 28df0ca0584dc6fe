import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { POLICIES } from "../../scheduler/config/flags.ts";
import { machine } from "../machine.ts";
import { chart } from "./chart.ts";
import { type Figures, play } from "./play.ts";
import { type Process, scheduler, simulator } from "./processes.ts";
import { traceIn, WORKLOADS, type Workload } from "./workloads.ts";

const RESULTS = "bench/results/policies.json";
const CHART = "bench/results/policies.svg";

/** 10,000 tokens a second each, one prompt after another, and a prefix cache of 65,536 tokens. */
const PREFILL = [
  "--ttft-base-ms=20",
  "--ttft-ms-per-token=0.1",
  "--max-num-seqs=1",
  "--max-model-len=16384",
  "--max-num-batched-tokens=16384",
  "--block-size=128",
  "--kv-blocks=512",
];
const DECODE = [
  "--inter-token-ms=5",
  "--max-model-len=16384",
  "--max-num-batched-tokens=16384",
  "--block-size=128",
  "--kv-blocks=8192",
];
const INSTANCES = { prefill: 4, decode: 2 } as const;

/** Of affinity's throughput and round robin's. */
const BARS: Readonly<Record<string, number>> = { shared: 1.8, uniform: 0.95 };

const usage = `usage: npm run bench:policies [-- [--quick] [--trace FILE] [WORKLOAD…]]

Plays workloads through a scheduler of each routing policy, before the same ${INSTANCES.prefill} prefill and ${INSTANCES.decode} decode simulators.
A complete run, some five minutes, is written to ${RESULTS} and ${CHART}.

  --quick       a quarter of each; nothing is written
  --trace FILE  a trace in Mooncake's form (JSON lines: timestamp, input_length, output_length, hash_ids) beside them

workloads:
${WORKLOADS.map(({ name, what }) => `  ${name.padEnd(14)} ${what}`).join("\n")}

exit codes: 0 measured, 1 a request failed or a bar was missed, 2 the command line is wrong`;

/** By workload, then by policy. */
export type Measured = Readonly<Record<string, Readonly<Record<string, Figures>>>>;

async function main(): Promise<number> {
  let options: { quick: boolean; trace: string | undefined; names: string[] };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: "boolean" }, quick: { type: "boolean" }, trace: { type: "string" } },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    const unknown = positionals.find((name) => !WORKLOADS.some((workload) => workload.name === name));
    if (unknown !== undefined) throw new Error(`there is no workload ${unknown}`);
    options = { quick: values.quick === true, trace: values.trace, names: positionals };
  } catch (error) {
    console.error(`${(error as Error).message}\nfix: npm run bench:policies -- --help shows what there is`);
    return 2;
  }
  const { quick, trace, names } = options;
  const chosen = WORKLOADS.filter(({ name }) => names.length === 0 || names.includes(name));
  const workloads = trace === undefined ? chosen : [...chosen, traceIn(trace)];
  const measured = await measure(workloads, quick ? 0.25 : 1);
  console.log(table(measured));
  const missed = misses(measured);
  for (const miss of missed) console.log(`missed: ${miss}`);
  if (!quick && names.length === 0 && trace === undefined) save(measured);
  return missed.length > 0 ? 1 : 0;
}

async function measure(workloads: readonly Workload[], scale: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-policies-"));
  const running: Process[] = [];
  const started = async (process: Promise<Process>) => {
    running.push(await process);
    return running.at(-1) as Process;
  };
  try {
    const prefill: Process[] = [];
    const decode: Process[] = [];
    for (let at = 0; at < INSTANCES.prefill; at++) prefill.push(await started(simulator("prefill", PREFILL)));
    for (let at = 0; at < INSTANCES.decode; at++) decode.push(await started(simulator("decode", DECODE)));
    const measured: Record<string, Record<string, Figures>> = {};
    for (const workload of workloads) {
      const row: Record<string, Figures> = {};
      for (const policy of POLICIES) {
        // One at a time: each knows of its own requests only.
        const front = await started(scheduler(folder, policy, prefill, decode));
        row[policy] = await play(workload, front, prefill, `${workload.name} ${policy}`, scale);
        await front.stop();
        running.splice(running.indexOf(front), 1);
      }
      measured[workload.name] = row;
    }
    return measured;
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    rmSync(folder, { recursive: true });
  }
}

const COLUMNS: readonly (readonly [string, (figures: Figures) => string])[] = [
  ["TTFT mean, ms", ({ ttftMean }) => ttftMean.toFixed(0)],
  ["p50", ({ ttftP50 }) => ttftP50.toFixed(0)],
  ["p99", ({ ttftP99 }) => ttftP99.toFixed(0)],
  ["requests/s", ({ throughput }) => throughput.toFixed(1)],
  ["cached", ({ cached }) => `${(100 * cached).toFixed(0)} %`],
  ["balance", ({ balance }) => balance.toFixed(2)],
];

function table(measured: Measured): string {
  const rows = Object.entries(measured).flatMap(([workload, row]) =>
    Object.entries(row).map(([policy, figures]) => [
      workload,
      policy,
      ...COLUMNS.map(([, text]) => text(figures)),
    ]),
  );
  const all = [["workload", "policy", ...COLUMNS.map(([name]) => name)], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

function misses(measured: Measured): string[] {
  return Object.entries(BARS).flatMap(([workload, bar]) => {
    const row = measured[workload];
    const ratio = (row?.affinity?.throughput ?? Number.NaN) / (row?.RoundRobin?.throughput ?? Number.NaN);
    if (row === undefined) return [];
    const said = `${workload}: affinity has ${ratio.toFixed(2)} times the throughput of RoundRobin`;
    console.log(`${said}, the bar is ${bar}`);
    return ratio >= bar ? [] : [said];
  });
}

function save(measured: Measured): void {
  mkdirSync("bench/results", { recursive: true });
  const what = Object.fromEntries(WORKLOADS.map((workload) => [workload.name, workload.what]));
  const date = new Date().toISOString().slice(0, 10);
  const report = {
    measured: date,
    machine: machine(),
    prefill: PREFILL,
    decode: DECODE,
    what,
    figures: measured,
  };
  writeFileSync(RESULTS, `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(CHART, chart(measured));
}

process.exitCode = await main();
