import type { RemoteImageArgs, VolumeArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import { secretEnvLabel } from "../../planning/container/settings.ts";
import { isCredential, leaksIn } from "../../planning/credentials/credential.ts";
import { holdsPassword } from "../../planning/credentials/url-password.ts";
import type { Known } from "../known.ts";
import { type ContainerInputs, containerType, type Resource, resourcePolicy } from "../resource-policy.ts";
import { stackConfig } from "../stack-config.ts";

/**
 * A variable is as secret as access to the engine is: `docker inspect` shows it, and with it commands, health checks, labels
 * and log options. So what is named like a credential has to be a Pulumi secret at least. A policy cannot see that itself, as
 * it is handed plain text; the label names what is one, and the stack's configuration has its value.
 */
export const noSecretInEnvironment = resourcePolicy(
  {
    name: "no-secret-in-environment",
    description: `Nothing that is named like a credential has a value, and no URL holds a password, in variables, commands, health checks, labels, log options and uploads of containers, in what images are built with, volumes and commands; but a variable that the label ${secretEnvLabel} names, with the value that ascend-pd:secretEnv has for it.`,
    remediationSteps:
      "name its variable in `secretEnv` and keep its value in ascend-pd:secretEnv, or keep it in a file of the host that is mounted and name the file: API_KEY_FILE=/run/secrets/api-key",
    lists: { sources: "files of this machine that are uploaded, which these policies do not read" },
  },
  (resource, { sources }) => {
    const labels = labelsOf(resource.props);
    const { entries, args } = textsOf(resource, labels);
    const secret = labels.find(({ label }) => label === secretEnvLabel)?.value?.split(",") ?? [];
    const found = entries.flatMap(({ where, name, value }) => {
      if (where === "environment" && secret.includes(name)) {
        const isThat = value === secretsOfStack()[name] || value === "";
        return isThat ? [] : [`calls ${name} a secret, and ascend-pd:secretEnv has another value or none`];
      }
      return isSecret(name, value) ? [`has a credential in its ${where}: ${name}`] : [];
    });
    const leaks = args.flatMap(({ where, words }) =>
      leaksIn(words).map(
        ({ index, name = `argument ${index}` }) => `has a credential in its ${where}: ${name}`,
      ),
    );
    const unread = (uploadsOf(resource) ?? [])
      .flatMap(({ source }) => (source === undefined || sources.includes(source) ? [] : [source]))
      .map((source) => `uploads ${source} of this machine, which no policy has read`);
    return [...new Set([...found, ...leaks, ...unread])];
  },
);

const isSecret = (name: string, value: string): boolean =>
  holdsPassword(value, name) || (value !== "" && isCredential(name, value)) || leaksIn([value]).length > 0;

function secretsOfStack(): Readonly<Record<string, unknown>> {
  return Object(JSON.parse(stackConfig("secretEnv") ?? "{}"));
}

interface Texts {
  readonly entries: readonly { readonly where: string; readonly name: string; readonly value: string }[];
  readonly args: readonly { readonly where: string; readonly words: readonly string[] }[];
}

type Labels = readonly { readonly label?: string | undefined; readonly value?: string | undefined }[];

const labelsOf = ({ labels }: Resource["props"]): Labels => (Array.isArray(labels) ? labels : []);

function textsOf(resource: Resource, labels: Labels): Texts {
  const { type, props } = resource;
  const ofLabels = labels
    .filter(({ label }) => label !== secretEnvLabel)
    .map(({ label = "", value = "" }) => ({ where: "labels", name: label, value }));
  switch (type) {
    case containerType: {
      const { envs, entrypoints, command, healthcheck, logOpts } = props as ContainerInputs;
      const environment = (envs ?? []).map((entry) => ({ where: "environment", ...split(entry) }));
      return {
        entries: [...environment, ...ofLabels, ...entriesOf("log options", logOpts)],
        args: [
          { where: "command", words: [...(entrypoints ?? []), ...(command ?? [])] },
          { where: "health check", words: healthcheck?.tests ?? [] },
          ...(uploadsOf(resource) ?? []).map(({ file, content, contentBase64 }) => ({
            where: `upload ${file}`,
            words: [content ?? "", Buffer.from(contentBase64 ?? "", "base64").toString()],
          })),
        ],
      };
    }
    case "docker:index/volume:Volume": {
      const { driverOpts } = props as Known<Unwrap<VolumeArgs>>;
      const words = Object.values(driverOpts ?? {}).flatMap((text) => (text ?? "").split(","));
      return {
        entries: [...ofLabels, ...entriesOf("options", driverOpts)],
        args: [{ where: "options", words }],
      };
    }
    case "docker:index/remoteImage:RemoteImage": {
      const { buildArgs, label, labels: more } = (props as Known<Unwrap<RemoteImageArgs>>).build ?? {};
      const entries = [buildArgs, label, more].flatMap((texts) => entriesOf("build", texts));
      return { entries, args: [] };
    }
    case "command:local:Command":
    case "command:remote:Command": {
      const { create, update, delete: atEnd } = props;
      const words = [create, update, atEnd].filter((text) => typeof text === "string");
      return {
        entries: entriesOf("environment", Object(props.environment)),
        args: [{ where: "command", words }],
      };
    }
    default:
      return { entries: [], args: [] };
  }
}

const uploadsOf = ({ type, props }: Resource) =>
  type === containerType ? (props as ContainerInputs).uploads : undefined;

const entriesOf = (where: string, texts: Readonly<Record<string, string | undefined>> = {}) =>
  Object.entries(texts).map(([name, value = ""]) => ({ where, name, value: String(value) }));

function split(entry: string): { readonly name: string; readonly value: string } {
  const at = entry.indexOf("=");
  return at < 0 ? { name: entry, value: "" } : { name: entry.slice(0, at), value: entry.slice(at + 1) };
}
