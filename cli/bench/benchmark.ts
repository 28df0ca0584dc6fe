import { writeFileSync } from "node:fs";
import { complain, print } from "../print.ts";
import { withProgress } from "../progress.ts";
import { UserError } from "../user-error.ts";
import { benchClient } from "./client.ts";
import { keyFor } from "./key.ts";
import { type Instances, instancesOf, measurementsFile, type Pair } from "./measurements.ts";
import { plot } from "./plot.ts";
import { costsBy, estimatedTokens } from "./prompts.ts";
import { type Questions, questionsOf, syntheticQuestions } from "./questions.ts";
import { loadName, resultText } from "./report.ts";
import { type Bench, measure, type Run } from "./run.ts";
import type { Settings } from "./settings.ts";
import { type Target, targetOf, tokenCounter } from "./target.ts";

/** All runs of a command, one behind the other; returns the exit code. */
export async function benchmark(settings: Settings): Promise<number> {
  const given = process.env.OPENAI_API_KEY || undefined;
  const target = await targetOf(settings.stack, settings.url, settings.model, given);
  const { plan } = target;
  const instances =
    settings.measurements === undefined || plan === undefined ? undefined : instancesOf(plan, settings.loads);
  const key = await keyFor(plan, given);
  const questions = await questionsFor(settings, target, key());

  const ending = new AbortController();
  const stop = () => ending.abort();
  // The second one ends it as it ends everything.
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const { seed, slo } = settings;
  const client = benchClient(target.base, key);
  const bench: Bench = { client, questions, seed, slo, signal: ending.signal, next: 0 };
  try {
    await warmUp(bench, settings.warmup, target.base);
    const runs = await allRuns(bench, settings, instances !== undefined);
    if (settings.json) {
      const results = runs.flatMap(({ prefill, whole }) =>
        [prefill, whole].flatMap((run) => run?.result ?? []),
      );
      const { base: endpoint, model } = target;
      print(JSON.stringify({ endpoint, model, seed, slo: slo ?? null, results }, undefined, 2));
    } else print(`\n${target.model} at ${target.base}, --seed ${seed}`);
    if (settings.plot !== undefined) {
      const title = `${target.model} at ${target.base}`;
      write(
        settings.plot,
        plot(
          title,
          runs.map(({ whole }) => whole),
          slo,
        ),
      );
    }
    if (instances !== undefined) writeMeasurements(settings, runs, instances);
    return runs.length > 0 && runs.every(({ prefill, whole }) => isClean(whole) && isClean(prefill)) ? 0 : 1;
  } finally {
    client.close();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** A run of a load, and where measurements are wanted one before it, with answers of one token. */
interface Runs {
  readonly prefill: Run | undefined;
  readonly whole: Run;
}

async function allRuns(bench: Bench, settings: Settings, areMeasured: boolean): Promise<Runs[]> {
  const runs: Runs[] = [];
  for (const load of settings.loads) {
    if (bench.signal.aborted) break;
    const shown = async (tokens: number | undefined) => {
      const name = tokens === 1 ? `${loadName(load)}, answers of one token` : loadName(load);
      let line = () => "";
      const run = await withProgress(
        () => line(),
        () =>
          measure(bench, load, settings.extent, tokens, (progress) => {
            line = () => `${name}: ${progress()}`;
          }),
      );
      if (!settings.json) print(resultText(name, run.result));
      remark(run.result.client_utilization);
      return run;
    };
    const prefill = areMeasured ? await shown(1) : undefined;
    runs.push({ prefill, whole: await shown(undefined) });
  }
  return runs;
}

const isClean = (run: Run | undefined): boolean =>
  run === undefined || (run.result.failed === 0 && run.result.completed > 0);

function remark(utilization: number): void {
  if (utilization < 0.9) return;
  const busy = Math.round(utilization * 100);
  complain(
    `note: this client was busy ${busy} % of the time, so that its times are too long: measure from a machine with\n` +
      "      faster cores, or from several at once",
  );
}

async function questionsFor(settings: Settings, target: Target, key: string | undefined): Promise<Questions> {
  const { prompts, input, output, seed, extent } = settings;
  const { model } = target;
  if (prompts !== undefined) {
    const { ask, count } = questionsOf(prompts, model, output);
    if (!("requests" in extent) || extent.requests > count) {
      complain(
        `note: ${prompts} has ${count} prompts; where more are sent, the engines' caches know them already`,
      );
    }
    return ask;
  }
  const costs = await costsBy(tokenCounter(target, key)).catch((error: Error) => {
    complain(
      `note: ${target.base} counts no tokens (${error.message}), so that lengths of prompts are guessed`,
    );
    return costsBy(estimatedTokens);
  });
  return syntheticQuestions(model, seed, { input, output }, await costs);
}

/** Throws where the server answers none of them: there is nothing to measure. */
async function warmUp(bench: Bench, requests: number, base: string): Promise<void> {
  if (requests === 0) return;
  const { result } = await withProgress(
    () => "warming up",
    () => measure(bench, { concurrency: Math.min(requests, 64) }, { requests }, undefined, () => {}),
  );
  const [failure] = Object.entries(result.errors);
  if (result.completed > 0 || failure === undefined) return;
  const [what, { example }] = failure;
  throw new UserError(
    `${base} answers no request: ${what}: ${example}\nfix: \`ascend-pd ask\` and \`ascend-pd status\` tell more of a stack`,
  );
}

function writeMeasurements(settings: Settings, runs: readonly Runs[], instances: Instances): void {
  const { measurements: file = "", slo, loads } = settings;
  const pairs = runs.flatMap(({ prefill, whole }, index): Pair[] => {
    const load = loads[index];
    if (prefill === undefined || load === undefined || !("concurrency" in load)) return [];
    return [{ concurrency: load.concurrency, prefill: prefill.result, decode: whole.result }];
  });
  const content = measurementsFile(pairs, instances, { ttft: slo?.ttft ?? 0, tpot: slo?.tpot ?? 0 });
  if (content === undefined) complain(`note: nothing was measured of both roles, so there is no ${file}`);
  else write(file, content);
}

/** Never over what is there: who has put it there since has a reason. */
function write(file: string, content: string): void {
  writeFileSync(file, content, { flag: "wx" });
}
