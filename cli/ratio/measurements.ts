import { readFileSync } from "node:fs";
import { parseRatioInput } from "../../ratio/input.ts";
import { yamlValue } from "../stack-file.ts";
import { UserError } from "../user-error.ts";

/** The options of the command that say what was measured, as text. */
export type MeasurementOptions = {
  readonly [Name in "rate" | "npus" | "input" | "output" | "ttft" | "tpot" | "slo" | "instance-npus"]?:
    | string
    | undefined;
};

/**
 * The measurements of a file, or those that the options give; beside a file, `rate` or `npus` stands in place of the
 * file's. `where` names them in messages. Throws UserError where there is nothing to check.
 */
export function readMeasurements(file: string | undefined, options: MeasurementOptions) {
  const where = file ?? "command line";
  const { requestRate, npus, ...rest } = file === undefined ? fromOptions(options) : fromFile(file, options);
  const target =
    options.rate !== undefined || options.npus !== undefined
      ? { requestRate: number(options.rate), npus: number(options.npus) }
      : { requestRate, npus };
  return { where, measured: parseRatioInput(defined({ ...target, ...rest })) };
}

function fromFile(file: string, { rate, npus, ...others }: MeasurementOptions): Record<string, unknown> {
  const [extra] = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (extra !== undefined) {
    throw new UserError(`--${extra} stands beside ${file}\nfix: say it in the file, or leave the file out`);
  }
  const content = yamlValue(file, read(file));
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return { ...content };
  throw new UserError(`${file} holds no measurements\nfix: docs/ratio.md shows what such a file holds`);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(
      `${file} cannot be read: ${(error as Error).message}\nfix: name a file of measurements`,
    );
  }
}

/** One point for each role, measured at the lengths of the requests. */
function fromOptions(options: MeasurementOptions): Record<string, unknown> {
  const missing = (["input", "output", "ttft", "tpot", "slo"] as const).filter(
    (name) => options[name] === undefined,
  );
  if (missing.length > 0) {
    throw new UserError(
      `${missing.map((name) => `--${name}`).join(", ")} missing\nfix: give them, or a file of measurements`,
    );
  }
  const [ttftMs, prefillBatch] = pair(options.ttft, "ttft", "@");
  const [tpotMs, decodeBatch] = pair(options.tpot, "tpot", "@");
  const [ttftSlo, tpotSlo] = pair(options.slo, "slo", "/");
  const [input, output] = [number(options.input), number(options.output)];
  const npus = number(options["instance-npus"] ?? "1");
  return {
    input: { mean: input },
    output: { mean: output },
    slo: { ttftMs: ttftSlo, tpotMs: tpotSlo },
    prefill: { npus, points: [{ input, batch: prefillBatch, ttftMs }] },
    decode: { npus, points: [{ input, output, batch: decodeBatch, tpotMs }] },
  };
}

function pair(text = "", option: string, separator: string) {
  const parts = text.split(separator);
  if (parts.length === 2) return parts.map(number);
  const message = `--${option} "${text}" is not two numbers with ${separator} between`;
  throw new UserError(`${message}\nfix: --help shows examples`);
}

/** What is no number stays text, for the shape check to refuse. */
function number(text: string | undefined): number | string | undefined {
  return text === undefined || text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

const defined = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
