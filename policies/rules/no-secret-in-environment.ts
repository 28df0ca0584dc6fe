import { secretEnvLabel } from "../../planning/container-settings.ts";
import { isCredential } from "../../planning/credential.ts";
import { containerPolicy } from "../container-policy.ts";

/**
 * A variable is as secret as access to the engine is: `docker inspect` shows it. So what is named like a credential has
 * to be a Pulumi secret at least. A policy cannot see that itself, as it is handed plain text; the label says it.
 */
export const noSecretInEnvironment = containerPolicy(
  {
    name: "no-secret-in-environment",
    description: `No variable or flag of a container that is named like a credential has a value, unless the label ${secretEnvLabel} names it as a Pulumi secret, and no URL there holds a password.`,
    remediationSteps:
      "name its variable in `secretEnv` and keep its value in ascend-pd:secretEnv, or hand it over as a file (`uploads`, or a mount) and name the file: API_KEY_FILE=/run/secrets/api-key",
  },
  ({ envs = [], command = [], labels = [] }) => [
    ...envs.flatMap((entry) => {
      const [name = "", value = ""] = split(entry);
      if (secretEnvOf(labels).includes(name)) return [];
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

function secretEnvOf(
  labels: readonly { label?: string | undefined; value?: string | undefined }[],
): string[] {
  return labels.find(({ label }) => label === secretEnvLabel)?.value?.split(",") ?? [];
}

function split(entry: string): string[] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** A value that starts with a hyphen is the next flag. */
function isSecret(name: string, value: string): boolean {
  if (/^[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:[^\s/@]+@/i.test(value)) return true;
  return value !== "" && !value.startsWith("-") && isCredential(name, value);
}
