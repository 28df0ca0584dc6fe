import { readFileSync, statSync } from "node:fs";
import { type FileProblem, type Key, parseKeys } from "./key-file.ts";

/** Where it stands whom the scheduler trusts; each of them may be changed while it runs. */
export interface TrustFiles {
  readonly apiKeys?: string;
}

/** As the command line says. */
export function trustFilesOf(given: (name: "api-keys-file") => readonly string[]): TrustFiles {
  const [apiKeys] = given("api-keys-file");
  return apiKeys === undefined ? {} : { apiKeys };
}

/** What stands there. */
export interface Trust {
  /** Of those who may ask; `undefined`: everybody may. */
  readonly keys?: readonly Key[];
}

/** What is wrong with the files. */
export class InvalidTrust extends Error {
  readonly problems: readonly FileProblem[];

  constructor(problems: readonly FileProblem[]) {
    super(problems.map(({ message }) => message).join("; "));
    this.problems = problems;
  }
}

const MAX_BYTES = 256 * 1024;

/** Reads and checks all files. Throws InvalidTrust. */
export function readTrust({ apiKeys }: TrustFiles): Trust {
  if (apiKeys === undefined) return {};
  const keys = parseKeys(readText(apiKeys, "--api-keys-file"));
  if (!("problems" in keys)) return { keys };
  const where = `--api-keys-file ${apiKeys}`;
  throw new InvalidTrust(keys.problems.map(({ message, fix }) => ({ message: `${where}: ${message}`, fix })));
}

/** Throws InvalidTrust. */
function readText(path: string, flag: string): string {
  const invalid = (why: string, fix: string) =>
    new InvalidTrust([{ message: `${flag} ${path}: ${why}`, fix }]);
  try {
    const there = statSync(path);
    if (!there.isFile()) throw invalid("it is no file", "give the path of a file");
    if (there.size > MAX_BYTES) throw invalid(`it is over ${MAX_BYTES} bytes`, "check the path");
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof InvalidTrust) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(`it cannot be read (${code})`, "check the path, and whose it is");
  }
}
