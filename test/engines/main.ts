import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { installedEngines } from "../../toolchain/vllm/packages.ts";
import { proveArguments } from "./arguments.ts";
import { CASES, CHAT } from "./cases.ts";
import { type Comparison, compareAll, isWrong, type Result } from "./compare.ts";
import { proveLoadTools } from "./load-tools.ts";
import { modelFolder, oracle } from "./oracle.ts";
import { proveAll } from "./proofs.ts";
import { record } from "./record.ts";
import { figuresOf, RESULTS, writeResults } from "./report.ts";
import { freePort, type Place } from "./rig.ts";
import { STACK, startStack } from "./stack.ts";
import { type System, startProcesses } from "./systems.ts";

const usage = `usage: npm run test:engines -- [--checkout FOLDER] [--at-once N] [--without WORD]… [WORD…]

Real vLLM on this machine's CPUs: ${CASES.length} requests are asked of one plain instance, then of a prefill and a decode
instance (NixlConnector) through the scheduler, and the answers compared: every field but ids, times and fingerprints.
A complete run also proves by the engines' metrics that decode computed no prompt, that nothing stays of clients that left,
and that a killed engine serves again; and that vllm-ascend takes what Plans start it with. It is written to
${RESULTS}.

  --checkout FOLDER  the scheduler of another checkout
  --at-once N        so many requests at a time (default 1)
  --without WORD     no cases with the word in their names
  WORD               only cases with one of the words in their names
  --stack            instead, the pair and the scheduler are the containers of ${STACK}, brought up by pulumi up
  --arguments        instead, only what Plans start vllm-ascend with goes through its parsers
  --load             instead, vllm bench serve, AIPerf and evalscope put load on the pair, and what they report is compared
                     with what the scheduler has counted
  --record           instead, what the engines say on the wire is written to simulator/testing/recordings, to which
                     npm test holds the simulator

examples:
  npm run test:engines
  npm run test:engines -- "n 2" batch
  npm run test:engines -- --at-once 8
  npm run test:engines -- --stack
  npm run test:engines -- --arguments
  npm run test:engines -- --load
  npm run test:engines -- --record

exit codes: 0 all as expected, 1 an answer or a proof was wrong or an engine ended, 2 the command line is wrong`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ReturnType<typeof commandLine>;
  try {
    options = commandLine();
  } catch (error) {
    console.error(`${(error as Error).message}\nfix: npm run test:engines -- --help shows what there is`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const { checkout, atOnce, words } = options;
  const cases = CASES.filter(
    ({ name }) =>
      (words.length === 0 || words.some((word) => name.includes(word))) &&
      !options.without.some((word) => name.includes(word)),
  );
  const context: Context = { cacheDir: defaultCacheDir(), say: (line) => console.log(line) };
  try {
    const venv = await installedEngines(context);
    if (options.arguments) return (await argumentsOf(context, venv)) ? 0 : 1;
    const model = await modelFolder(context, venv);
    const logs = await mkdtemp(join(tmpdir(), "ascend-pd-engines-"));
    const place = { venv, model, logs };
    if (options.record) {
      console.log(`starting prefill and decode to record what they say; their logs are in ${logs}`);
      console.log(`written to ${await record(place)}`);
      await rm(logs, { recursive: true });
      return 0;
    }
    if (options.load) {
      const isRight = await underLoad(context, place);
      if (isRight) await rm(logs, { recursive: true });
      return isRight ? 0 : 1;
    }
    const comparison = { atOnce, cases, right: await oracle(context, venv, model) };
    const isComplete = cases.length === CASES.length && atOnce === 1;
    const isRecorded = isComplete && checkout === ".";
    if (options.stack) {
      const results = await compared(await startStack(context, model), comparison);
      if (isRecorded) writeResults({ stack: figuresOf(results) });
      await rm(logs, { recursive: true });
      return results.some(isWrong) ? 1 : 0;
    }
    console.log(`starting prefill, decode and the scheduler; their logs are in ${logs}`);
    const results = await compared(await startProcesses(place, checkout), comparison);
    const once = isRecorded ? await tokenisedOnce(place, comparison) : [];
    const proofs = isComplete ? await proveAll(place, checkout) : {};
    if (isRecorded) {
      writeResults({ processes: figuresOf(results), tokenisedOnce: figuresOf(once), proofs });
    }
    const areTaken = !isComplete || (await argumentsOf(context, venv));
    const isRight =
      ![...results, ...once].some(isWrong) && Object.values(proofs).every(({ wrong }) => wrong.length === 0);
    if (isRight) await rm(logs, { recursive: true });
    return isRight && areTaken ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FixableError)) throw error;
    console.error(`${error.message}\nfix: ${error.fix}`);
    return 1;
  }
}

function commandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean" },
      checkout: { type: "string", default: "." },
      "at-once": { type: "string", default: "1" },
      without: { type: "string", multiple: true, default: [] },
      stack: { type: "boolean" },
      arguments: { type: "boolean" },
      load: { type: "boolean" },
      record: { type: "boolean" },
    },
  });
  const atOnce = Number(values["at-once"]);
  if (!Number.isInteger(atOnce) || atOnce < 1) throw new Error(`--at-once is ${values["at-once"]}`);
  return { ...values, atOnce, words: positionals };
}

async function compared(system: System, comparison: Comparison): Promise<Result[]> {
  const results = await compareAll(system, comparison);
  const { equal, otherwise, wrong, ended } = figuresOf(results);
  console.log(
    `${equal} of ${results.length} answers are equal, ${Object.keys(otherwise).length} otherwise on purpose, ` +
      `${wrong.length} wrong; ` +
      `${ended.length === 0 ? "no engine has ended" : `engines have ended: ${ended.join(", ")}`}`,
  );
  return results;
}

/** All chats again, whose prompts decode gets as tokens. */
async function tokenisedOnce(place: Place, comparison: Comparison): Promise<Result[]> {
  console.log("the same chats, whose prompts are made into tokens once:");
  const cases = CASES.filter(({ path }) => path === CHAT);
  return compared(await startProcesses(place, ".", ["--tokenise=once"]), { ...comparison, cases });
}

/** Whether what load tools report is what the scheduler has counted. */
async function underLoad(context: Context, place: Place): Promise<boolean> {
  console.log(`starting prefill, decode and the scheduler; their logs are in ${place.logs}`);
  const metricsPort = await freePort();
  const system = await startProcesses(place, ".", [`--metrics-port=${metricsPort}`]);
  try {
    const loadTools = await proveLoadTools(context, place, system, metricsPort);
    writeResults({ loadTools });
    return Object.values(loadTools).every(({ wrong }) => wrong.length === 0);
  } finally {
    await system.stop();
  }
}

/** Whether vllm-ascend takes them all. */
async function argumentsOf(context: Context, venv: string): Promise<boolean> {
  const proofs = await proveArguments(context, venv);
  for (const [name, { commands, flagsRefused, wrong }] of Object.entries(proofs))
    console.log(
      [
        `${name}: ${commands} commands went through its parsers; ${flagsRefused} flags of theirs may not be added`,
        ...wrong,
      ].join("\n    WRONG: "),
    );
  writeResults({ arguments: proofs });
  return Object.values(proofs).every(({ wrong }) => wrong.length === 0);
}
