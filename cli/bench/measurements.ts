import { stringify } from "yaml";
import type { ContainerPlan, Plan } from "../../planning/plan.ts";
import { UserError } from "../user-error.ts";
import type { Load } from "./load.ts";
import type { Slo } from "./slo.ts";
import type { Result } from "./tally.ts";

/** The instances of a stack, as measurements have to be counted by. */
export interface Instances {
  readonly prefill: { readonly count: number; readonly npus: number };
  readonly decode: { readonly count: number; readonly npus: number };
}

/** Throws UserError where nothing that is measured of all of a role would be that of one. */
export function instancesOf({ stack, containers }: Plan, loads: readonly Load[]): Instances {
  const of = (role: "prefill" | "decode") => {
    const all = containers.filter((one) => one.role === role);
    const [npus = 1, ...others] = new Set(all.map(npusOf));
    if (others.length === 0) return { count: all.length, npus };
    throw new UserError(
      `the ${role} instances of ${stack} have different numbers of NPUs, so nothing can be said of one\n` +
        "fix: measure a stack whose instances are alike",
    );
  };
  const instances = { prefill: of("prefill"), decode: of("decode") };
  const { count } = instances.prefill;
  const odd = loads.find((load) => "concurrency" in load && load.concurrency % count !== 0);
  if (odd === undefined || !("concurrency" in odd)) return instances;
  throw new UserError(
    `--concurrency ${odd.concurrency} is no whole batch for each of ${count} prefill instances\nfix: give multiples of ${count}`,
  );
}

/** Where an engine has none, an instance counts as one. */
const npusOf = ({ npus }: ContainerPlan): number => Math.max(1, npus.length);

/** Two runs at one concurrency. */
export interface Pair {
  readonly concurrency: number;
  /** Answers had one token, so that all requests on their way were prefill's. */
  readonly prefill: Result;
  /** With whole answers. */
  readonly decode: Result;
}

type Limits = Required<Pick<Slo, "ttft" | "tpot">>;

/** What `ascend-pd ratio` reads; undefined where no pair has been measured. */
export function measurementsFile(
  pairs: readonly Pair[],
  { prefill, decode }: Instances,
  { ttft, tpot }: Limits,
): string | undefined {
  const measured = pairs.filter((pair) => pair.prefill.completed > 0 && pair.decode.completed > 0);
  const last = measured.at(-1)?.decode;
  if (last === undefined) return undefined;
  const content = {
    input: lengths(inputOf(last)),
    output: lengths(outputOf(last)),
    slo: { ttftMs: ttft, tpotMs: tpot },
    prefill: {
      npus: prefill.npus,
      points: measured.map(({ concurrency, prefill: run }) => ({
        input: inputOf(run),
        batch: concurrency / prefill.count,
        ttftMs: rounded(run.mean_ttft_ms),
      })),
    },
    decode: {
      npus: decode.npus,
      points: measured.map(({ decode: run }) => ({
        input: inputOf(run),
        output: outputOf(run),
        batch: Math.max(1, Math.round(inDecode(run) / decode.count)),
        tpotMs: rounded(run.mean_tpot_ms),
      })),
    },
  };
  return `# Measured by \`ascend-pd bench\`; add requestRate or npus, or give --rate or --npus beside it.\n${stringify(content)}`;
}

const lengths = (tokens: number) => ({ mean: tokens, p95: tokens });
const inputOf = (run: Result) => Math.max(1, Math.round(run.total_input_tokens / run.completed));
const outputOf = (run: Result) => Math.max(2, Math.round(run.total_output_tokens / run.completed));

/** How many requests were behind their first token, on average over the run (Little's law). */
function inDecode(run: Result): number {
  return (run.request_throughput * (run.mean_e2el_ms - run.mean_ttft_ms)) / 1000;
}

const rounded = (milliseconds: number): number => Math.max(0.001, Number(milliseconds.toPrecision(5)));
