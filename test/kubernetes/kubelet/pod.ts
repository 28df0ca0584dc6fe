import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Access } from "../../../cluster/access.ts";
import { call } from "../../../cluster/request.ts";
import { expanded, startContainer } from "./container.ts";
import { type Image, imageOf } from "./images.ts";
import { type Container, type Pod, unknownIn, type Volume } from "./pod-spec.ts";
import { askProbes } from "./probes.ts";

/** What a node gives to a pod: a folder, and a network with an address. */
export interface Place {
  readonly folder: string;
  readonly network: string;
  readonly address: string;
  readonly hostAddress: string;
}

type Texts = Readonly<Record<string, string>>;

interface State {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
}

/** The life of a pod on a node: starts its container again whenever it ends, and says how it is, until `end`. */
export class PodLife {
  readonly #access: Access;
  readonly #place: Place;
  readonly #pod: Pod;
  readonly #ended = new AbortController();
  #process: ChildProcess | undefined;
  #restarts = 0;
  readonly #done: Promise<void>;

  constructor(access: Access, place: Place, pod: Pod) {
    this.#access = access;
    this.#place = place;
    this.#pod = pod;
    this.#done = this.#run();
  }

  /** preStop, SIGTERM, and after the grace period SIGKILL; then the pod is deleted. */
  async end(graceSeconds: number): Promise<void> {
    const deadline = Date.now() + graceSeconds * 1000;
    this.#ended.abort();
    const process = this.#process;
    if (process !== undefined && process.exitCode === null && process.signalCode === null) {
      process.kill("SIGTERM");
      await Promise.race([once(process, "exit"), sleep(Math.max(0, deadline - Date.now()))]);
      if (process.exitCode === null && process.signalCode === null) {
        process.kill("SIGKILL");
        await once(process, "exit");
      }
    }
    await this.#done;
    await call(this.#access, this.#path(), {
      method: "DELETE",
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        gracePeriodSeconds: 0,
        preconditions: { uid: this.#pod.metadata.uid },
      },
    });
  }

  /** As when its node loses power: nobody is told. */
  kill(): void {
    this.#ended.abort();
    this.#process?.kill("SIGKILL");
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const container = this.#pod.spec.containers[0];
    const unknown = unknownIn(this.#pod);
    if (container === undefined || unknown !== undefined) {
      return this.#say({ waiting: { reason: "CreateContainerConfigError", message: unknown ?? "" } }, false);
    }
    const image = imageOf(container.image);
    if (image === undefined) {
      const message = `Back-off pulling image "${container.image}"`;
      return this.#say({ waiting: { reason: "ImagePullBackOff", message } }, false);
    }
    while (!signal.aborted) {
      const files = await this.#files();
      const env = await this.#env(container);
      if (typeof files === "string" || typeof env === "string") {
        const missing = typeof env === "string" ? env : String(files);
        const reason = typeof env === "string" ? "CreateContainerConfigError" : "ContainerCreating";
        await this.#say({ waiting: { reason, message: missing } }, false);
        await sleep(200, undefined, { signal }).catch(() => {});
        continue;
      }
      await this.#runOnce(image, files, env);
      if (signal.aborted) return;
      this.#restarts += 1;
      await this.#say(
        { waiting: { reason: "CrashLoopBackOff", message: "back-off restarting failed container" } },
        false,
      );
      await sleep(Math.min(200 * 2 ** this.#restarts, 5_000), undefined, { signal }).catch(() => {});
    }
  }

  async #runOnce(image: Image, files: Texts, env: Texts): Promise<void> {
    const { folder, network, address } = this.#place;
    const [container] = this.#pod.spec.containers;
    if (container === undefined) return;
    const { volumes = [] } = this.#pod.spec;
    await mkdir(folder, { recursive: true });
    const process = await startContainer({ folder, network, image, container, volumes, files, env });
    this.#process = process;
    const exited = once(process, "exit");
    if (this.#ended.signal.aborted) process.kill("SIGKILL");
    const running = { running: { startedAt: new Date().toISOString() } };
    await this.#say(running, false);
    const asking = new AbortController();
    let isReady = false;
    const told = {
      started: () => {},
      ready: (now: boolean) => {
        if (now === isReady) return;
        isReady = now;
        void this.#say(running, now).catch(() => {});
      },
      dead: () => void process.kill("SIGKILL"),
    };
    const asked = askProbes(container, address, told, AbortSignal.any([asking.signal, this.#ended.signal]));
    await exited;
    asking.abort();
    await asked;
  }

  /** The files of its ConfigMaps, by where they stand in the container; else what is missing. */
  async #files(): Promise<Texts | string> {
    const { containers, volumes = [] } = this.#pod.spec;
    const files: Record<string, string> = {};
    for (const { name, mountPath } of containers[0]?.volumeMounts ?? []) {
      const volume = volumes.find((one) => one.name === name);
      for (const { map, items } of configMapsOf(volume)) {
        const path = `/api/v1/namespaces/${this.#pod.metadata.namespace}/configmaps/${map}`;
        const answer = await call(this.#access, path);
        if (answer.status !== 200) return `configmap "${map}" not found`;
        const data: Record<string, string> = JSON.parse(answer.text).data ?? {};
        for (const { key, path } of items ?? Object.keys(data).map((key) => ({ key, path: key })))
          files[join(mountPath, path)] = data[key] ?? "";
      }
    }
    return files;
  }

  /** The values of its variables; else what is missing. */
  async #env({ env = [] }: Container): Promise<Texts | string> {
    const { namespace, annotations = {} } = this.#pod.metadata;
    const values: Record<string, string> = {};
    for (const { name, value = "", valueFrom: { fieldRef, secretKeyRef } = {} } of env) {
      values[name] = expanded(value);
      if (fieldRef !== undefined) {
        const annotation = /^metadata\.annotations\['(.+)'\]$/.exec(fieldRef.fieldPath)?.[1];
        if (annotation === undefined) return `not known here: ${fieldRef.fieldPath}`;
        values[name] = annotations[annotation] ?? "";
      }
      if (secretKeyRef !== undefined) {
        const path = `/api/v1/namespaces/${namespace}/secrets/${secretKeyRef.name}`;
        const answer = await call(this.#access, path);
        const data = answer.status === 200 ? JSON.parse(answer.text).data : undefined;
        if (data === undefined) return `secret "${secretKeyRef.name}" not found`;
        if (data[secretKeyRef.key] === undefined)
          return `couldn't find key ${secretKeyRef.key} in Secret ${namespace}/${secretKeyRef.name}`;
        values[name] = Buffer.from(data[secretKeyRef.key], "base64").toString();
      }
    }
    return values;
  }

  async #say(state: State, ready: boolean): Promise<void> {
    const { hostAddress, address } = this.#place;
    const [container] = this.#pod.spec.containers;
    const is = (type: string, yes: boolean) => ({ type, status: yes ? "True" : "False" });
    const status = {
      phase: state.running ? "Running" : "Pending",
      hostIP: hostAddress,
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [
        ...["PodScheduled", "Initialized"].map((type) => is(type, true)),
        ...["ContainersReady", "Ready"].map((type) => is(type, ready)),
      ],
      containerStatuses: [
        {
          ...{ name: container?.name, image: container?.image, imageID: "", restartCount: this.#restarts },
          ...{ ready, started: state.running !== undefined, state },
        },
      ],
    };
    await call(this.#access, `${this.#path()}/status`, {
      method: "PATCH",
      type: "application/strategic-merge-patch+json",
      // The pod that follows may have its name.
      body: { metadata: { uid: this.#pod.metadata.uid }, status },
    });
  }

  #path(): string {
    const { namespace, name } = this.#pod.metadata;
    return `/api/v1/namespaces/${namespace}/pods/${name}`;
  }
}

function configMapsOf(volume: Volume | undefined) {
  if (volume?.configMap !== undefined) return [{ map: volume.configMap.name, items: undefined }];
  return (volume?.projected?.sources ?? []).map(({ configMap }) => ({
    map: configMap.name,
    items: configMap.items,
  }));
}
