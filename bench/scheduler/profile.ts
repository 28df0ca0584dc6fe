import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** The parts of V8's CPU profile that are read. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** The functions in which most of the time was spent, as a table; the profile is in `folder`. */
export function hottest(folder: string): string {
  const file = readdirSync(folder).find((name) => name.endsWith(".cpuprofile"));
  if (file === undefined) return "there is no profile";
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const micros = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const place = frame.url === "" ? "" : ` ${basename(frame.url)}:${frame.lineNumber + 1}`;
    const what = `${frame.functionName || "(anonymous)"}${place}`;
    const spent = timeDeltas[i] ?? 0;
    micros.set(what, (micros.get(what) ?? 0) + spent);
    busy += spent;
  }
  const top = [...micros].sort(([, a], [, b]) => b - a).slice(0, 40);
  return top.map(([what, spent]) => `${((100 * spent) / busy).toFixed(1).padStart(5)} %  ${what}`).join("\n");
}
