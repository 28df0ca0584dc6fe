import { secretEnvLabel } from "../../planning/container/settings.ts";
import { isCredential, leaksIn } from "../../planning/credentials/credential.ts";
import { holdsPassword } from "../../planning/credentials/url-password.ts";
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
      const isSecret = holdsPassword(value, name) || (value !== "" && isCredential(name, value));
      return isSecret ? [`has a credential in its environment: ${name}`] : [];
    }),
    ...[...new Set(leaksIn(command).map(({ index, name = `argument ${index}` }) => name))].map(
      (where) => `has a credential in its command: ${where}`,
    ),
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
