import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { startEngines } from "./engines.ts";
import { Load } from "./load.ts";
import { hottest } from "./profile.ts";
import { key, type Measured, misses, rowsOf, table } from "./report.ts";
import { ROUTERS, type Router, startRouter, WORKERS } from "./routers.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const RESULTS = "bench/results/scheduler.json";
const WORKERS_RESULTS = "bench/results/workers.json";
const WORKERS_SCENARIOS = ["idle", "plain-256", "streams-64", "streams-512", "even", "burst"];
const BENCH_CORE = 0;
const ROUTER_CORE = 1;
const RUN_LIMIT_MS = 60_000;

const usage = `usage: npm run bench -- [--quick] [--rounds N] [--router NAME]… [--before FILE] [--workers] [--profile] [SCENARIO…]

Compares the scheduler with other routers in front of the same engines: each router alone on one core, engines and
clients on the other, every answer checked to the byte. bench/README.md says how to read what it prints.

  --quick        one short round
  --rounds N     how often each scenario is run on each router, in turn (default 3)
  --router NAME  only this one of: ${ROUTERS.join(", ")}
  --before FILE  beside another bundle of our scheduler, for what a change costs or saves
  --workers      our scheduler alone, with 1, 2 and 4 workers on both cores; a complete run is written to
                 ${WORKERS_RESULTS}
  --profile      our scheduler alone, and where its time goes
  SCENARIO       only these; a complete run is written to ${RESULTS}

scenarios:
${SCENARIOS.map(({ name, what }) => `  ${name.padEnd(16)} ${what}`).join("\n")}

examples:
  npm run bench
  npm run bench -- --quick
  npm run bench -- --router ascend-pd plain-256 streams-64
  npm run bench -- --workers
  npm run bench -- --profile plain-256

exit codes: 0 measured, 1 a router answered wrongly or ours could not be started, 2 the command line is wrong`;

interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  readonly routers: readonly string[];
  readonly routerCores: readonly number[];
  readonly profile: boolean;
  readonly before: string | undefined;
  readonly scenarios: readonly Scenario[];
  /** Where what was measured is written. */
  readonly results: string | undefined;
}

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  console.error(options);
  process.exitCode = 2;
} else if (options === undefined) console.log(usage);
else process.exitCode = await run(options);

/** `undefined` when help is wanted; text says what is wrong. */
function readOptions(args: string[]): Options | string | undefined {
  const fix = "fix: npm run bench -- --help shows what there is";
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        quick: { type: "boolean", default: false },
        rounds: { type: "string", default: "3" },
        router: { type: "string", multiple: true },
        before: { type: "string" },
        workers: { type: "boolean", default: false },
        profile: { type: "boolean", default: false },
      },
    });
    if (values.help) return undefined;
    const { quick, profile, before, workers } = values;
    const routers = workers ? [...WORKERS] : profile ? ["ascend-pd"] : [...(values.router ?? ROUTERS)];
    const unknown =
      positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ??
      routers.find((name) => ![...ROUTERS, ...WORKERS].includes(name));
    if (unknown !== undefined) return `there is no scenario or router ${unknown}\n${fix}`;
    if (before !== undefined) routers.push("before");
    const rounds = quick ? 1 : Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1)
      return `--rounds is ${values.rounds}\nfix: give a whole number`;
    const names = positionals.length > 0 ? positionals : workers ? WORKERS_SCENARIOS : undefined;
    const scenarios = SCENARIOS.filter(({ name }) => names?.includes(name) !== false);
    const isComplete =
      !quick && before === undefined && values.router === undefined && positionals.length === 0;
    const results = isComplete && !profile ? (workers ? WORKERS_RESULTS : RESULTS) : undefined;
    const routerCores = workers ? [BENCH_CORE, ROUTER_CORE] : [ROUTER_CORE];
    return { quick, rounds, routers, routerCores, profile, before, scenarios, results };
  } catch (error) {
    return `${(error as Error).message}\n${fix}`;
  }
}

async function run(options: Options): Promise<number> {
  const { quick, rounds, routers: names, routerCores, profile, before, scenarios, results } = options;
  const { length: cores } = cpus();
  if (cores < 2) {
    console.error("this machine has one core: a router cannot be measured apart from its load");
    return 1;
  }
  execFileSync("taskset", ["-acp", String(BENCH_CORE), String(process.pid)], { stdio: "ignore" });
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-bench-"));
  const engines = await startEngines();
  const routers: Router[] = [];
  const failures: string[] = [];
  const measured: Measured = new Map();
  try {
    for (const name of names) {
      const router = await startRouter(name, routerCores, { folder, engines, profile, before });
      if (typeof router !== "string") routers.push(router);
      else if (name === "ascend-pd") failures.push(`${name}: ${router}`);
      else console.error(`${name} is left out: ${router}`);
    }
    const once = scenarios.filter((scenario) => scenario.once);
    const timed = scenarios.filter((scenario) => !scenario.once);
    const plan = [once, ...Array.from({ length: rounds }, () => timed)];
    for (const scenario of plan.flat()) {
      for (const router of routers) await measure(scenario, router);
    }
  } finally {
    for (const router of routers) await router.stop();
    engines.stop();
  }
  if (profile) console.log(hottest(join(folder, "ascend-pd")));
  rmSync(folder, { recursive: true });

  const rows = rowsOf(scenarios, names, measured);
  console.log(table(rows, names));
  for (const miss of misses(rows)) console.log(`missed: ${miss}`);
  for (const failure of failures) console.error(`failed: ${failure}`);
  if (results !== undefined) save(results);
  return failures.some((failure) => failure.startsWith("ascend-pd")) ? 1 : 0;

  async function measure({ name, run }: Scenario, router: Router): Promise<void> {
    const load = new Load(router.legs, router.port);
    const { wrong } = await engines.state();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), RUN_LIMIT_MS);
    });
    const figures = await Promise.race([run({ router, engines, load, scale: quick ? 0.25 : 1 }), tooLong]);
    clearTimeout(timer);
    load.leave();
    const problems = [...load.failures];
    if (figures === undefined) problems.push(`not over within ${RUN_LIMIT_MS / 1000} s`);
    const spoilt = (await engines.state()).wrong - wrong;
    if (spoilt > 0) problems.push(`${spoilt} requests reached the engines changed`);
    if (problems.length > 0) {
      failures.push(
        `${router.name}, ${name}: ${problems[0]}${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}`,
      );
      return;
    }
    for (const [figure, value] of Object.entries(figures ?? {})) {
      const at = key(name, router.name, figure);
      measured.set(at, [...(measured.get(at) ?? []), value]);
    }
  }

  function save(file: string): void {
    const report = {
      measured: new Date().toISOString().slice(0, 10),
      machine: machine(),
      routers: Object.fromEntries(routers.map(({ name, version, legs }) => [name, { version, legs }])),
      rounds,
      rows,
      failures,
    };
    mkdirSync("bench/results", { recursive: true });
    writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  }
}
