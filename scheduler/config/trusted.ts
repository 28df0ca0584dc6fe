import { InvalidTrust, readTrust, type Trust, type TrustFiles, trustFilesOf } from "../trust/trust.ts";
import type { FlagName, UsageProblem } from "./flags.ts";

/** Who may ask, who is asked, and what either shows. */
export interface Trusted {
  /** What engines ask for. Then no client's own key reaches them. */
  readonly engineKey: string | undefined;
  /** By which clients may ask, in lower case. None: any. */
  readonly allowedHosts: readonly string[];
  readonly trustFiles: TrustFiles;
  readonly trust: Trust;
}

export function trustedOf(
  env: Readonly<Record<string, string | undefined>>,
  given: (name: FlagName) => readonly string[],
  problems: UsageProblem[],
): Trusted {
  const engineKey = env.VLLM_API_KEY || undefined;
  // It becomes part of a head. No message shows it.
  if (engineKey !== undefined && !/^[\x21-\x7e]{1,4096}$/.test(engineKey)) {
    problems.push({
      message: "VLLM_API_KEY is no key that a header can carry",
      fix: "give the engines' key: up to 4096 letters, digits and signs of ASCII, without white space or a line break",
    });
  }
  const trustFiles = trustFilesOf(given);
  const allowedHosts = given("allowed-hosts").map((name) => name.toLowerCase());
  try {
    return { engineKey, allowedHosts, trustFiles, trust: readTrust(trustFiles) };
  } catch (error) {
    if (!(error instanceof InvalidTrust)) throw error;
    problems.push(...error.problems);
    return { engineKey, allowedHosts, trustFiles, trust: {} };
  }
}
