import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { findAccess } from "../../../cluster/access.ts";
import { call } from "../../../cluster/request.ts";
import { onPath } from "../../../system/programs.ts";
import { defaultCacheDir } from "../../../toolchain/cache.ts";
import { goBuild, isBuilt } from "../../../toolchain/go-build.ts";
import { clusterPrograms } from "./programs.ts";

const context = { cacheDir: defaultCacheDir(), say: console.warn };

/** A cluster without nodes: the real API server, its store, the controllers and the scheduler of Kubernetes. */
export interface Cluster {
  /** What users have in KUBECONFIG; its contexts are named as their users: `admin`, and `nobody`, who may do nothing. */
  readonly kubeconfig: string;
  readonly folder: string;
  /** The API server is gone, and comes back at the same address with all that it knew. */
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  dispose(): Promise<void>;
}

/** What a controller manager of a cluster in use would run besides has nothing to do with pods and what is in front of them. */
const controllers = [
  ...["statefulset", "deployment", "replicaset", "endpointslice", "endpoints", "disruption", "resourcequota"],
  ...["garbage-collector", "namespace", "serviceaccount", "root-ca-certificate-publisher"],
  ...["node-lifecycle", "taint-eviction", "pod-garbage-collector"],
].map((name) => `${name}-controller`);

/** Why there can be no cluster on this machine; undefined where there can be. */
export async function noCluster(): Promise<string | undefined> {
  if ((await isBuilt(context, clusterPrograms)) || (await onPath("go")) !== undefined) return undefined;
  return "a cluster for tests is built from Go modules, and there is no go on PATH";
}

export async function startCluster(): Promise<Cluster> {
  const programs = await goBuild(context, clusterPrograms);
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-cluster-"));
  const file = (name: string) => join(folder, name);
  const kubeconfig = file("kubeconfig");
  const running = new Map<string, ChildProcess>();

  const start = (name: string, ...flags: string[]) => {
    const log = openSync(file(`${name}.log`), "a");
    const child = spawn(join(programs, name), flags, { cwd: folder, stdio: ["ignore", log, log] });
    running.set(name, child);
  };
  const stop = async (name: string) => {
    const child = running.get(name);
    running.delete(name);
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const failure = (name: string) => {
    const child = running.get(name);
    if (child?.exitCode === null) return undefined;
    return `${name} has ended: ${readFileSync(file(`${name}.log`), "utf8")
      .trim()
      .split("\n")
      .slice(-5)
      .join("\n")}`;
  };

  const [port, client, peer] = [await freePort(), await freePort(), await freePort()];
  const server = `https://127.0.0.1:${port}`;
  const startApiServer = async () => {
    start(
      "kube-apiserver",
      `--etcd-servers=http://127.0.0.1:${client}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      // Nobody asks for it, but where a machine has no default route none is found.
      "--advertise-address=192.0.2.1",
      `--cert-dir=${file("certificates")}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("service-accounts.pem")}`,
      `--service-account-signing-key-file=${file("service-accounts.pem")}`,
    );
    await until(
      async () =>
        (await call(await findAccess("admin", { KUBECONFIG: kubeconfig }), "/readyz")).status === 200,
      () => failure("kube-apiserver") ?? failure("etcd"),
    );
  };

  await mkdir(file("certificates"));
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(file("service-accounts.pem"), privateKey.export({ type: "pkcs1", format: "pem" }));
  await writeFile(file("tokens.csv"), 'admin,admin,1,"system:masters"\nnobody,nobody,2\n');
  await writeFile(kubeconfig, kubeconfigOf(server, file("certificates/apiserver.crt")));

  start(
    "etcd",
    `--data-dir=${file("etcd")}`,
    // It lives as long as a test.
    "--unsafe-no-fsync",
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
  );
  const dispose = async () => {
    for (const name of [...running.keys()].reverse()) await stop(name);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await startApiServer();
  } catch (error) {
    await dispose();
    throw error;
  }
  const common = [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--secure-port=0"];
  start(
    "kube-controller-manager",
    ...common,
    `--controllers=${controllers.join(",")}`,
    `--service-account-private-key-file=${file("service-accounts.pem")}`,
    `--root-ca-file=${file("certificates/apiserver.crt")}`,
  );
  start("kube-scheduler", ...common);
  return {
    kubeconfig,
    folder,
    stopApiServer: () => stop("kube-apiserver"),
    startApiServer,
    dispose,
  };
}

function kubeconfigOf(server: string, certificate: string): string {
  const users = ["admin", "nobody"];
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority": certificate } }],
    users: users.map((name) => ({ name, user: { token: name } })),
    contexts: users.map((name) => ({ name, context: { cluster: "test", user: name, namespace: "default" } })),
    "current-context": "admin",
  });
}

async function until(isSo: () => Promise<boolean>, failure: () => string | undefined): Promise<void> {
  const deadline = Date.now() + 300_000;
  while (!(await isSo().catch(() => false))) {
    const why = failure() ?? (Date.now() > deadline ? "the cluster does not become ready" : undefined);
    if (why !== undefined) throw new Error(why);
    await sleep(100);
  }
}

/** Port numbers are given out in turn, so the next one to ask gets another. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
