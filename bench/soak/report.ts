import type { Told } from "./traffic.ts";

export interface Sample {
  readonly seconds: number;
  readonly rssMiB: number;
  readonly files: number;
}

export interface Report {
  readonly seed: number;
  readonly seconds: number;
  readonly machine: string;
  readonly requests: number;
  /** By how they ended. */
  readonly endings: Readonly<Record<string, number>>;
  /** By what was asked, those that were answered whole. */
  readonly exact: Readonly<Record<string, number>>;
  /** By what was done to an instance. */
  readonly disturbances: Readonly<Record<string, number>>;
  readonly memory: {
    readonly firstMiB: number;
    readonly lastMiB: number;
    readonly highestMiB: number;
    /** Of the line through all samples behind the warm-up; null where these are too few. */
    readonly slopeMiBPerHour: number | null;
  };
  /** Files that the scheduler has open, when nobody asked: before, and at the end. */
  readonly files: { readonly before: number; readonly after: number };
  /** Whatever is wrong. */
  readonly problems: readonly string[];
}

/** The part of a soak after which memory is looked at: caches fill and code is compiled before. */
const WARM_UP = 0.25;
const MIN_SAMPLES = 20;

export function memoryOf(samples: readonly Sample[]): Report["memory"] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const sizes = samples.map(({ rssMiB }) => Math.round(rssMiB));
  return {
    firstMiB: Math.round(warm[0]?.rssMiB ?? 0),
    lastMiB: sizes.at(-1) ?? 0,
    highestMiB: Math.max(0, ...sizes),
    slopeMiBPerHour: warm.length < MIN_SAMPLES ? null : Math.round(slope(warm) * 3600),
  };
}

/** By least squares, in MiB a second. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ rssMiB }) => rssMiB)];
  const along = mean(({ seconds, rssMiB }) => (seconds - x) * (rssMiB - y));
  return along / mean(({ seconds }) => (seconds - x) ** 2);
}

/** How often each is there, the most frequent first. */
export function counts(values: readonly string[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const value of values) all.set(value, (all.get(value) ?? 0) + 1);
  return Object.fromEntries([...all].sort(([, a], [, b]) => b - a));
}

const MAX_DETAILS = 5;

/** What no answer may be, whatever happens to instances. */
export function wrongAnswers(told: readonly Told[]): string[] {
  const wrong = told.filter(({ ending }) => ending === "wrong");
  const shown = wrong.slice(0, MAX_DETAILS).map(({ what, detail }) => `${what}: ${detail}`);
  return wrong.length > MAX_DETAILS
    ? [...shown, `and ${wrong.length - MAX_DETAILS} more wrong answers`]
    : shown;
}

export function text(report: Report): string {
  const list = (counted: Readonly<Record<string, number>>) =>
    Object.entries(counted)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ");
  const { memory, files, problems } = report;
  const slopeText =
    memory.slopeMiBPerHour === null ? "too short for a slope" : `${memory.slopeMiBPerHour} MiB an hour`;
  return [
    `soak of ${Math.round(report.seconds)} s, seed ${report.seed}: ${report.requests} requests`,
    `  ended:     ${list(report.endings)}`,
    `  exact:     ${list(report.exact)}`,
    `  instances: ${list(report.disturbances) || "left alone"}`,
    `  memory:    ${memory.firstMiB} MiB behind the warm-up, ${memory.lastMiB} at the end, ${slopeText}`,
    `  files:     ${files.before} open before, ${files.after} at the end`,
    ...(problems.length === 0 ? ["  nothing is wrong"] : problems.map((problem) => `  WRONG: ${problem}`)),
  ].join("\n");
}
