import { readFileSync, statSync } from "node:fs";
import { type FileProblem, type Key, parseKeys } from "./key-file.ts";
import { type Pem, problemOf } from "./tls.ts";

/** Flags that name a file of what the scheduler trusts, or is trusted by. Each may be changed while it runs. */
export const TRUST_FLAGS = [
  "api-keys-file",
  "tls-cert",
  "tls-key",
  "tls-client-ca",
  "engine-tls-ca",
  "engine-tls-cert",
  "engine-tls-key",
] as const;
type TrustFlag = (typeof TRUST_FLAGS)[number];
export type TrustFiles = Readonly<Partial<Record<TrustFlag, string>>>;

/** As the command line says. */
export function trustFilesOf(given: (name: TrustFlag) => readonly string[]): TrustFiles {
  return Object.fromEntries(TRUST_FLAGS.flatMap((flag) => given(flag).map((path) => [flag, path])));
}

/** What stands there. */
export interface Trust {
  /** Of those who may ask; `undefined`: everybody may. */
  readonly keys?: readonly Key[];
  /** Clients are served with TLS alone. */
  readonly clients?: Pem;
  /** Engines are asked with TLS alone. */
  readonly engines?: Pem;
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
/** What is of no use without another. */
const NEEDS: readonly (readonly [TrustFlag, TrustFlag])[] = [
  ["tls-cert", "tls-key"],
  ["tls-key", "tls-cert"],
  ["tls-client-ca", "tls-cert"],
  ["engine-tls-cert", "engine-tls-key"],
  ["engine-tls-key", "engine-tls-cert"],
  ["engine-tls-cert", "engine-tls-ca"],
];

/** Reads and checks all files. Throws InvalidTrust. */
export function readTrust(files: TrustFiles): Trust {
  const alone = NEEDS.filter(([flag, other]) => files[flag] !== undefined && files[other] === undefined);
  if (alone.length > 0) {
    throw new InvalidTrust(
      alone.map(([flag, other]) => ({
        message: `--${flag} is given without --${other}`,
        fix: `give --${other}`,
      })),
    );
  }
  const keys = readKeys(files);
  const clients = readPem(files, { cert: "tls-cert", key: "tls-key", ca: "tls-client-ca" });
  const engines = readPem(files, { cert: "engine-tls-cert", key: "engine-tls-key", ca: "engine-tls-ca" });
  return { ...(keys && { keys }), ...(clients && { clients }), ...(engines && { engines }) };
}

function readKeys(files: TrustFiles): readonly Key[] | undefined {
  const text = readText(files, "api-keys-file");
  if (text === undefined) return undefined;
  const keys = parseKeys(text);
  if (!("problems" in keys)) return keys;
  const where = `--api-keys-file ${files["api-keys-file"]}`;
  throw new InvalidTrust(keys.problems.map(({ message, fix }) => ({ message: `${where}: ${message}`, fix })));
}

function readPem(files: TrustFiles, flags: Record<keyof Pem, TrustFlag>): Pem | undefined {
  const [cert, key, ca] = [flags.cert, flags.key, flags.ca].map((flag) => readText(files, flag));
  if (cert === undefined && ca === undefined) return undefined;
  const pem: Pem = { cert, key, ca };
  const problem = problemOf(pem);
  if (problem === undefined) return pem;
  const given = Object.values(flags).flatMap((flag) => (files[flag] ? [`--${flag} ${files[flag]}`] : []));
  const fix = "give PEM files: the certificate with those that signed it behind it, and its key";
  throw new InvalidTrust([{ message: `${given.join(", ")}: ${problem}`, fix }]);
}

/** Throws InvalidTrust. */
function readText(files: TrustFiles, flag: TrustFlag): string | undefined {
  const path = files[flag];
  if (path === undefined) return undefined;
  const invalid = (why: string, fix: string) =>
    new InvalidTrust([{ message: `--${flag} ${path}: ${why}`, fix }]);
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
