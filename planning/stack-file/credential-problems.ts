import { error, type Problem } from "../../problems/problem.ts";
import { showPath } from "../../problems/show-path.ts";
import { type Leak, leaksIn, masked, variableFor } from "../credentials/credential.ts";
import { holdsPassword } from "../credentials/url-password.ts";

type Keys = readonly PropertyKey[];

/**
 * PD013: passwords in addresses. PD014: credentials among arguments. `clean` is `input` without them, so that no other
 * problem can quote one. Variables in `extraEnv` are the policy pack's: a name alone does not make a credential certain.
 */
export function withoutCredentials(input: unknown): {
  readonly clean: unknown;
  readonly problems: Problem[];
} {
  const problems: Problem[] = [];
  return { clean: cleaned(input, [], undefined, problems), problems };
}

/** `leak`: what the list that `value` stands in says of it. */
function cleaned(value: unknown, keys: Keys, leak: Leak | undefined, problems: Problem[]): unknown {
  if (Array.isArray(value)) {
    const leaks = new Map(leaksIn(value).map((one) => [one.index, one]));
    return value.map((item, index) => cleaned(item, [...keys, index], leaks.get(index), problems));
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => {
      const found = leakAt(keys, key);
      const name = found === undefined ? key : masked;
      if (found !== undefined) problems.push(problemOf([...keys, name], found));
      return [name, cleaned(item, [...keys, name], undefined, problems)] as const;
    });
    return Object.fromEntries(entries);
  }
  if (value === null || value === undefined) return value;
  const found = leak ?? leakAt(keys, String(value));
  if (found === undefined) return value;
  problems.push(problemOf(keys, found));
  return masked;
}

/** What `text` shows by itself, as a value at `keys` or as a key below it. */
function leakAt(keys: Keys, text: string): Leak | undefined {
  if (keys.includes("extraEnv")) return undefined;
  const name = keys.findLast((key) => typeof key === "string");
  if (holdsPassword(text, name)) return { index: 0, name, isInUrl: true };
  // In a reason people write of flags, too.
  return name === "reason" ? undefined : leaksIn([text])[0];
}

const shownWhere = "plans, logs and Pulumi's state would show it";

function problemOf(keys: Keys, { name, isInUrl }: Leak): Problem {
  const found = (code: string, message: string, fix: string) =>
    error(code, showPath(keys), `${message}, and ${shownWhere}`, fix);
  if (isInUrl) return found("PD013", "holds a password", passwordFix(keys));
  return found("PD014", `${name} is a credential`, credentialFix(keys, name ?? ""));
}

function passwordFix(keys: Keys): string {
  if (keys.includes("docker")) {
    return "write ssh://user@host and log in with a key, its own file or one that ssh-agent holds: `ssh-copy-id user@host`";
  }
  if (keys.includes("image")) return "leave it out, and keep it in ascend-pd:registryAuth";
  if (keys.includes("extraArgs")) {
    return `keep the whole address in ascend-pd:secretEnv, and name its variable in ${secretEnvOf(keys)}`;
  }
  return "leave user and password out";
}

function credentialFix(keys: Keys, name: string): string {
  const inPlace = variableFor(name);
  const variable = inPlace === undefined ? "its variable" : `${inPlace}, which vLLM reads in its place,`;
  return `keep its value in ascend-pd:secretEnv, and name ${variable} in ${secretEnvOf(keys)}`;
}

const secretEnvOf = ([first]: Keys): string => `\`secretEnv\` of ${first === "scheduler" ? first : "engine"}`;
