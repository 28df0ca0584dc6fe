import { isCredential } from "../../planning/credential.ts";
import { containerPolicy } from "../container-policy.ts";

/**
 * `docker inspect` shows environment and command line to all who reach the engine, so also a Pulumi secret is none
 * there. (A policy could not tell one anyhow: the engine hands it over as plain text.)
 */
export const noSecretInEnvironment = containerPolicy(
  {
    name: "no-secret-in-environment",
    description:
      "No variable or flag of a container that is named like a credential has a value, and no URL there holds a password.",
    remediationSteps:
      "hand the credential over as a file (`uploads`, or a mount) and name the file: API_KEY_FILE=/run/secrets/api-key",
  },
  ({ envs = [], command = [] }) => [
    ...envs.flatMap((entry) => {
      const [name = "", value = ""] = split(entry);
      return isSecret(name, value) ? [`has a credential in its environment: ${name}`] : [];
    }),
    ...command.flatMap((argument, index) => {
      const [flag = "", value = command[index + 1] ?? ""] = split(argument);
      const name = flag.startsWith("-") ? flag : "";
      return isSecret(name, name === "" ? argument : value)
        ? [`has a credential in its command: ${name || `argument ${index}`}`]
        : [];
    }),
  ],
);

function split(entry: string): string[] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** A value that starts with a hyphen is the next flag. */
function isSecret(name: string, value: string): boolean {
  if (/^[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:[^\s/@]+@/i.test(value)) return true;
  return value !== "" && !value.startsWith("-") && isCredential(name, value);
}
