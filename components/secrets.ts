import * as pulumi from "@pulumi/pulumi";
import { engineKey } from "../planning/credentials/engine-key.ts";
import type { ContainerPlan, Plan } from "../planning/plan.ts";
import { registryNamed, registryOf } from "../planning/registry.ts";

/*
 * Secrets stand in two keys of a stack's configuration beside `deployment`, and nowhere in a Plan: `secretEnv`, values
 * by variable, and `registryAuth`, a list of `{address, username, password}`. As outputs that are secret they reach a
 * container's environment and a probe's standard input; Pulumi encrypts them in its state and hides them in previews.
 */

const encrypted: readonly string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]");
// What this program starts (ssh, esbuild) inherits its environment; the configuration has been read by now.
delete process.env.PULUMI_CONFIG;

/** `NAME=value` for each variable. */
export function secretEntries(names: readonly string[] = []): pulumi.Output<string>[] {
  return names.map((name) => pulumi.interpolate`${name}=${secretValue(name)}`);
}

/** The key that an instance asks for, for those who ask it directly. */
export function engineKeyOf({ secretEnv = [] }: ContainerPlan): pulumi.Output<string> | undefined {
  return secretEnv.includes(engineKey) ? secretValue(engineKey) : undefined;
}

function secretValue(name: string): pulumi.Output<string> {
  const values = new pulumi.Config("ascend-pd").requireSecretObject<Record<string, string | undefined>>(
    "secretEnv",
  );
  return values.apply((all) => `${all[name]}`);
}

/** Registry credentials as JSON, for those who pull images. */
export function registryAuth(): pulumi.Output<string> | undefined {
  return new pulumi.Config("ascend-pd").getSecret("registryAuth");
}

/** Which entries of `registryAuth` would never be used, one text each. */
export function idleCredentials({ containers }: Plan): string[] {
  const key = `ascend-pd:registryAuth`;
  const entries: unknown = JSON.parse(pulumi.runtime.getConfig(key) ?? "[]");
  if (!Array.isArray(entries)) return [];
  const images = containers.flatMap(({ image }) => (image.kind === "reference" ? [image.name] : []));
  const registries = [...new Set(images.map(registryOf))];
  return [...entries.entries()].flatMap(([index, entry]) => {
    const address = Object(entry)?.address;
    const registry = typeof address === "string" ? registryNamed(address) : undefined;
    if (registry !== undefined && registries.includes(registry)) return [];
    const place = `${key}[${index}]`;
    const what =
      registry === undefined ? "has no address" : `is for ${registry}, of which no container's image is`;
    const wanted = registries.join(", ") || "none, for all images are made here";
    return [
      `${place} ${what}\nfix: write the registry before the image's name, here ${wanted}, or remove the entry`,
    ];
  });
}

/** Why the secrets of a stack cannot be used as they are, one text each. */
export function secretMistakes({ stack, containers, kubernetes }: Plan): string[] {
  const key = (name: string) => `ascend-pd:${name}`;
  const set = (path: string) => `pulumi config set --stack ${stack} --secret --path '${key(path)}'`;
  const inPlain = ["secretEnv", "registryAuth"]
    .filter((name) => pulumi.runtime.getConfig(key(name)) !== undefined && !encrypted.includes(key(name)))
    .map((name) => `${key(name)} is not encrypted\nfix: set each secret in it with \`${set(`${name}…`)}\``);
  const misplaced = encrypted.includes(key("deployment"))
    ? [
        `${key("deployment")} holds a secret, which would be plain text in the Plan and in Pulumi's state\n` +
          `fix: keep it in ${key("secretEnv")} instead; \`ascend-pd plan ${stack}\` says where it is`,
      ]
    : [];
  const values = JSON.parse(pulumi.runtime.getConfig(key("secretEnv")) ?? "{}");
  // Pods have theirs from a Secret of their cluster.
  const wanted = new Set(kubernetes ? [] : containers.flatMap(({ secretEnv = [] }) => secretEnv));
  const missing = [...wanted]
    .filter((name) => typeof values[name] !== "string")
    .map((name) => `${key("secretEnv")} has no ${name}\nfix: \`${set(`secretEnv.${name}`)}\``);
  return [...misplaced, ...inPlain, ...missing];
}
