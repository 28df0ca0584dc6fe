import { existsSync } from "node:fs";
import { parseOptions } from "../command.ts";
import { UserError } from "../user-error.ts";
import type { Extent, Load } from "./load.ts";
import { readSlo, type Slo } from "./slo.ts";

const text = { type: "string" } as const;

export const BENCH_OPTIONS = {
  stack: text,
  url: text,
  model: text,
  concurrency: text,
  rate: text,
  requests: text,
  duration: text,
  input: text,
  output: { type: "string", default: "128" },
  prompts: text,
  warmup: text,
  seed: text,
  slo: text,
  plot: text,
  measurements: text,
  json: { type: "boolean", default: false },
} as const;

export interface Settings {
  readonly stack?: string | undefined;
  readonly url?: string | undefined;
  readonly model?: string | undefined;
  readonly loads: readonly Load[];
  readonly extent: Extent;
  readonly input: number;
  readonly output: number;
  readonly prompts?: string | undefined;
  readonly warmup: number;
  readonly seed: number;
  readonly slo?: Slo | undefined;
  readonly plot?: string | undefined;
  readonly measurements?: string | undefined;
  readonly json: boolean;
}

/** Throws UserError. */
export function readSettings(args: readonly string[]): Settings {
  const { values, positionals } = parseOptions(args, BENCH_OPTIONS);
  if (positionals.length > 0) {
    throw new UserError(`${positionals.join(" ")}: it takes options alone\nfix: name a stack as --stack`);
  }
  const { requests, duration, input, output, seed, slo, prompts, measurements } = values;
  if (requests !== undefined && duration !== undefined) {
    throw new UserError("--requests and --duration both say when it ends\nfix: give one of them");
  }
  if (input !== undefined && prompts !== undefined) {
    throw new UserError("--input is of prompts that are made up\nfix: leave it out beside --prompts");
  }
  const loads = loadsOf(values.concurrency, values.rate);
  const settings: Settings = {
    ...values,
    loads,
    extent:
      requests === undefined
        ? { durationMs: 1000 * number("duration", duration ?? "30", 86_400) }
        : { requests: number("requests", requests, 100_000_000) },
    input: number("input", input ?? "256", 10_000_000),
    output: number("output", output, 10_000_000),
    warmup: number("warmup", values.warmup ?? "4", 100_000, 0),
    // Seeds of runs behind each other differ, or the second one would find its prompts in the caches.
    seed: seed === undefined ? Date.now() % 2 ** 31 : number("seed", seed, 2 ** 31, 0),
    slo: slo === undefined ? undefined : readSlo(slo),
  };
  if (measurements !== undefined) checkMeasurable(settings);
  for (const file of [settings.plot, measurements]) {
    if (file !== undefined && existsSync(file)) {
      throw new UserError(`${file} exists already\nfix: name another file, or move it away`);
    }
  }
  return settings;
}

function loadsOf(concurrency: string | undefined, rate: string | undefined): Load[] {
  if ((concurrency === undefined) === (rate === undefined)) {
    throw new UserError(
      "how many requests?\nfix: give --concurrency N, so many at any time, or --rate R, so many a second",
    );
  }
  if (concurrency !== undefined) {
    return concurrency.split(",").map((one) => ({ concurrency: number("concurrency", one, 8192) }));
  }
  return (rate ?? "").split(",").map((one) => {
    if (/^\d+(\.\d+)?$/.test(one) && Number(one) > 0 && Number(one) <= 100_000) return { rate: Number(one) };
    throw new UserError(
      `--rate is ${one}\nfix: give requests per second, above 0; several with commas between`,
    );
  });
}

function checkMeasurable({ stack, loads, slo, prompts, output }: Settings): void {
  const missing = [
    ...(stack === undefined ? ["--stack, whose instances are counted"] : []),
    ...(loads.some((load) => "rate" in load) ? ["--concurrency, which says the batch"] : []),
    ...(prompts === undefined ? [] : ["prompts of one length, so no --prompts"]),
    ...(slo?.ttft === undefined || slo.tpot === undefined ? ["--slo with ttft and tpot"] : []),
    ...(output < 2 ? ["--output of 2 or more, as the first token is prefill's"] : []),
  ];
  if (missing.length > 0) throw new UserError(`--measurements\nfix: it needs ${missing.join("; ")}`);
}

function number(option: string, value: string, most: number, least = 1): number {
  if (/^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new UserError(`--${option} is ${value}\nfix: give a whole number, ${least} to ${most}`);
}
