import type { Container, EngineInfo, EngineVersion, Image, ListedContainer } from "../docker/answers.ts";
import { askedFiles } from "./script.ts";
import { linesOf, type Reading, unreadable } from "./tools/reading.ts";
import type { WantedHost } from "./wanted.ts";

/** What is known of a host's Docker Engine. */
export interface Engine {
  readonly version: EngineVersion;
  readonly info: EngineInfo;
  /** Every container. */
  readonly listed: readonly ListedContainer[];
  /** Those that have their devices. */
  readonly alive: readonly Container[];
  /** Those of the stack's that it has, by the name asked for. */
  readonly images: ReadonlyMap<string, Image>;
}

/** What came back from a host; what its script printed may be anything. */
export interface HostReport {
  /** What `hostScript` printed, and why it stopped where it did not end by itself. */
  readonly output: string;
  readonly failure?: string;
  /** Seconds since 1970 here, when the script was sent and when its first line came. */
  readonly sent: number;
  readonly answered: number;
  readonly engine: Reading<Engine>;
}

export type Kind = "folder" | "file" | "device" | "other" | "missing" | "hidden";

/** What a host must have, and what was seen of it. */
export interface HostFacts {
  readonly wanted: WantedHost;
  readonly report: HostReport;
  /** Whether any of the script has run there. */
  readonly reached: boolean;
  /** What a section of the script printed. */
  readonly said: (section: string) => Reading<string>;
  /** The code that a section of the script ended with; undefined where its end did not come. */
  readonly code: (section: string) => number | undefined;
  /** What stands at a path that was asked for. */
  readonly kind: (path: string) => Reading<Kind>;
  readonly engine: Reading<Engine>;
}

export function hostFacts(wanted: WantedHost, report: HostReport): HostFacts {
  const sections = readSections(report.output);
  const codes = readCodes(report.output);
  const said = (section: string): Reading<string> =>
    sections.get(section) ?? { unreadable: report.failure ?? `its answer says nothing of ${section}` };
  const kinds = new Map([
    ...readKinds(said("nodes"), wanted.nodes),
    ...readKinds(said("files"), askedFiles(wanted)),
  ]);
  return {
    wanted,
    report,
    reached: sections.size > 0,
    said,
    code: (section) => codes.get(section),
    kind: (path) => kinds.get(path) ?? { unreadable: `its answer says nothing of ${path}` },
    engine: report.engine,
  };
}

/** The sections of the script's output by name. */
export function readSections(output: string): ReadonlyMap<string, Reading<string>> {
  const parts = partsOf(output);
  return new Map(
    parts.map(({ name, lines }, index) => [name, readSection(lines, index === parts.length - 1)]),
  );
}

/** The codes that the sections ended with, by name. */
export function readCodes(output: string): ReadonlyMap<string, number> {
  return new Map(
    partsOf(output).flatMap(({ name, lines }) => {
      const code = codeOf(lines);
      return code === undefined ? [] : [[name, Number(code)] as const];
    }),
  );
}

function partsOf(output: string) {
  const [, ...parts] = `\n${output}`.split("\n@");
  return parts.map((part) => {
    const [name = "", ...indented] = part.split("\n");
    return { name, lines: indented.filter((line) => line.startsWith(" ")).map((line) => line.slice(1)) };
  });
}

const codeOf = (lines: readonly string[]): string | undefined => /^=(\d+)$/.exec(lines.at(-1) ?? "")?.[1];

function readSection(lines: readonly string[], isLast: boolean): Reading<string> {
  const code = codeOf(lines);
  if (code === undefined) return { unreadable: isLast ? "its answer was cut off" : "it printed too much" };
  const text = lines.slice(0, -1).join("\n");
  // Killed for its time, or by somebody else.
  if (code === "137") return { unreadable: "it did not end in time" };
  if (code === "126" || code === "127") return unreadable(text);
  return { value: text };
}

/** What an answer of kinds says of each of `paths`, in their order. */
export function readKinds(
  answer: Reading<string>,
  paths: readonly string[],
): ReadonlyMap<string, Reading<Kind>> {
  const lines = "value" in answer ? linesOf(answer.value) : [];
  return new Map(
    paths.map((path, index): [string, Reading<Kind>] => {
      const kind = kindNames.find((name) => name === lines[index]);
      if (kind !== undefined) return [path, { value: kind }];
      return [path, "value" in answer ? unreadable(lines[index] ?? "") : answer];
    }),
  );
}

const kindNames: readonly Kind[] = ["folder", "file", "device", "other", "missing", "hidden"];

/** What `read` makes of a reading, or why there is none. */
export function through<A, B>(reading: Reading<A>, read: (value: A) => Reading<B>): Reading<B> {
  return "value" in reading ? read(reading.value) : reading;
}
