import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { FixableError } from "../problems/fixable-error.ts";
import { execCredential } from "./exec-credential.ts";

/** What a request to an API server needs: where it is, how it proves who it is, how we prove who we are. */
export interface Access {
  /** For people: the context, or "in-cluster". */
  readonly name: string;
  readonly server: string;
  /** Of the context; objects that name none go there. */
  readonly namespace: string;
  readonly tls: Tls;
  readonly token?: string;
}

export interface Tls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: false;
}

type Named<Key extends string, Value> = { readonly name: string } & { readonly [name in Key]?: Value };

interface KubeConfig {
  readonly clusters?: readonly Named<"cluster", Fields>[];
  readonly users?: readonly Named<"user", Fields>[];
  readonly contexts?: readonly Named<"context", Fields>[];
  readonly "current-context"?: string;
}

type Fields = Readonly<Record<string, unknown>>;

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The cluster that kubectl would take: `context` of the files in KUBECONFIG, else of ~/.kube/config, else the one that
 * this runs in. Read here and not by @kubernetes/client-node, which costs each of the many short processes of an `up` 0.8 s
 * of processor and 140 MB; ways to log in that kubectl itself has dropped are refused by name.
 */
export async function findAccess(context?: string, env: NodeJS.ProcessEnv = process.env): Promise<Access> {
  const files = env.KUBECONFIG
    ? env.KUBECONFIG.split(":").filter(Boolean)
    : [join(env.HOME ?? homedir(), ".kube", "config")];
  const configs = files.flatMap((file) => read(file) ?? []);
  if (configs.length > 0) return fromConfig(merged(configs), context, files.join(":"));
  if (env.KUBERNETES_SERVICE_HOST && context === undefined) return inCluster(env);
  throw new FixableError(
    `no Kubernetes cluster is known: there is no ${files.join(", no ")}`,
    "set KUBECONFIG to the file that `kubectl` uses, or log in to the cluster as its operators say",
  );
}

function read(file: string): KubeConfig | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    // kubectl passes over it too.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FixableError(`${file} cannot be read: ${(error as Error).message}`, "make it readable");
  }
  try {
    return absolute((parse(text) ?? {}) as KubeConfig, dirname(resolve(file)));
  } catch (error) {
    throw new FixableError(`${file} is no kubeconfig: ${(error as Error).message}`, "mend it as YAML");
  }
}

const PATHS = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/** Paths in it are relative to its own folder; a login program without a slash is looked for on PATH. */
function absolute(config: KubeConfig, folder: string): KubeConfig {
  const within = (fields: Fields = {}): Fields =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, fieldWithin(name, value)]));
  const fieldWithin = (name: string, value: unknown): unknown => {
    if (PATHS.includes(name) && value) return resolve(folder, String(value));
    const command = name === "exec" ? String(Object(value).command ?? "") : "";
    return command.includes("/") ? { ...Object(value), command: resolve(folder, command) } : value;
  };
  return {
    ...config,
    clusters: (config.clusters ?? []).map(({ name, cluster }) => ({ name, cluster: within(cluster) })),
    users: (config.users ?? []).map(({ name, user }) => ({ name, user: within(user) })),
  };
}

/** Of several files the first that has something wins, as for kubectl. */
function merged(configs: readonly KubeConfig[]): KubeConfig {
  const current = configs.find((config) => config["current-context"])?.["current-context"];
  return {
    clusters: configs.flatMap(({ clusters }) => clusters ?? []),
    users: configs.flatMap(({ users }) => users ?? []),
    contexts: configs.flatMap(({ contexts }) => contexts ?? []),
    ...(current !== undefined && { "current-context": current }),
  };
}

async function fromConfig(config: KubeConfig, wanted: string | undefined, files: string): Promise<Access> {
  const name = wanted ?? config["current-context"];
  const named = <T extends { name: string }>(list: readonly T[] | undefined, which: unknown) =>
    list?.find((one) => one.name === which);
  const context = named(config.contexts, name)?.context;
  if (name === undefined || context === undefined) {
    const known = (config.contexts ?? []).map((one) => one.name).join(", ") || "none";
    throw new FixableError(
      name === undefined ? `${files} has no current context` : `${files} has no context ${name}`,
      `choose one that it has: ${known}`,
    );
  }
  const cluster = named(config.clusters, context.cluster)?.cluster;
  if (typeof cluster?.server !== "string") {
    throw new FixableError(`${files}: context ${name} has no cluster with a server`, "mend the file");
  }
  const server = cluster.server.replace(/\/$/, "");
  // Who it is nobody tells a server that has not said who it is itself; kubectl neither.
  const user: Fields = (server.startsWith("https:") && named(config.users, context.user)?.user) || {};
  const refused =
    ["auth-provider", "username", "password"].find((field) => user[field]) ??
    // As somebody else it would do what that one may not.
    ["as", "as-uid", "as-groups", "as-user-extra"].find((field) => user[field]) ??
    ["proxy-url"].find((field) => cluster[field]);
  if (refused !== undefined) {
    throw new FixableError(
      `${files}: context ${name} uses ${refused}, which is not supported`,
      "use a token, a client certificate or an exec plugin, as kubectl does since 1.26",
    );
  }
  const plugin = user.exec ? await execCredential(user.exec, { server, name }) : undefined;
  const own = {
    cert: plugin?.cert ?? material(user, "client-certificate"),
    key: plugin?.key ?? material(user, "client-key"),
  };
  const ca = material(cluster, "certificate-authority");
  // The file is the one that is renewed.
  const token = plugin?.token ?? (user.tokenFile ? readToken(String(user.tokenFile)) : user.token);
  return {
    name,
    server,
    namespace: String(context.namespace ?? "default"),
    tls: {
      ...(ca && { ca }),
      ...(own.cert && { cert: own.cert }),
      ...(own.key && { key: own.key }),
      ...(cluster["tls-server-name"] ? { servername: String(cluster["tls-server-name"]) } : {}),
      ...(cluster["insecure-skip-tls-verify"] === true && { rejectUnauthorized: false as const }),
    },
    ...(token ? { token: String(token) } : {}),
  };
}

/** What stands in the file itself wins over a file that it names. */
function material(fields: Fields, name: string): Buffer | undefined {
  const data = fields[`${name}-data`];
  if (typeof data === "string" && data !== "") return Buffer.from(data, "base64");
  const path = fields[name];
  return typeof path === "string" && path !== "" ? readNamed(path) : undefined;
}

/** A file that a kubeconfig names, or that a pod has. */
function readNamed(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FixableError(
      `${path}, by which the cluster is reached, cannot be read: ${(error as Error).message}`,
      "make it readable, or log in to the cluster again",
    );
  }
}

function inCluster(env: NodeJS.ProcessEnv): Access {
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  return {
    name: "in-cluster",
    server: `https://${host.includes(":") ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? 443}`,
    namespace: readToken(`${SERVICE_ACCOUNT}/namespace`),
    tls: { ca: readNamed(`${SERVICE_ACCOUNT}/ca.crt`) },
    token: readToken(`${SERVICE_ACCOUNT}/token`),
  };
}

const readToken = (path: string): string => readNamed(path).toString().trim();
