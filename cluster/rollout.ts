import { setTimeout as sleep } from "node:timers/promises";
import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";
import { read } from "./apply.ts";
import { type ApiObject, titleOf } from "./objects.ts";
import { hopeless, isReady, lastWords, type Pod, podsOf, waitingFor } from "./pods.ts";
import { refusal } from "./refusals.ts";
import { call } from "./request.ts";

/** A StatefulSet or a Deployment as the API gives it. */
interface Workload extends ApiObject {
  readonly metadata: ApiObject["metadata"] & { readonly generation: number };
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
  readonly status: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly replicas?: number;
    readonly updateRevision?: string;
  };
}

/**
 * Deletes the pods of a StatefulSet that were made from what it was before, and waits until others are ready in their place:
 * never two at a time on one set of NPUs. Gives how many there were.
 */
export async function renew(access: Access, set: ApiObject, timeoutSeconds: number): Promise<number> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  const { workload, pods } = await look(access, set, (found) => isObserved(found), deadline);
  const namespace = workload.metadata.namespace ?? access.namespace;
  const revision = workload.status.updateRevision;
  const outdated = pods.filter(({ metadata }) => metadata.labels?.["controller-revision-hash"] !== revision);
  for (const { metadata } of outdated) {
    const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}`;
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: metadata.uid } };
    const answer = await call(access, path, { method: "DELETE", body });
    // It has gone by itself, or another stands in its place.
    if (answer.status === 404 || answer.status === 409) continue;
    if (answer.status >= 300) throw refusal(access, `deleting pod ${metadata.name}`, answer);
  }
  if (outdated.length > 0) await untilReady(access, set, timeoutSeconds);
  return outdated.length;
}

/** Waits until all pods that the object asks for are ready, made from what it is now. Throws as soon as that is in vain. */
export async function untilReady(access: Access, object: ApiObject, timeoutSeconds: number): Promise<void> {
  await look(access, object, isWholeAndReady, Date.now() + timeoutSeconds * 1000);
}

const isObserved = ({ metadata, status }: Workload): boolean =>
  (status.observedGeneration ?? 0) >= metadata.generation;

/** Whether its pods are made from what it is now: of those before, no word counts, they are going. */
const isUpdated = (workload: Workload): boolean =>
  isObserved(workload) && (workload.status.updatedReplicas ?? 0) >= workload.spec.replicas;

function isWholeAndReady(workload: Workload, pods: readonly Pod[]): boolean {
  const { replicas } = workload.spec;
  if (!isUpdated(workload) || (workload.status.readyReplicas ?? 0) < replicas) return false;
  return pods.length === replicas && pods.every(isReady);
}

async function look(
  access: Access,
  object: ApiObject,
  isSo: (workload: Workload, pods: readonly Pod[]) => boolean,
  deadline: number,
): Promise<{ workload: Workload; pods: readonly Pod[] }> {
  const start = Date.now();
  for (;;) {
    const workload = (await read(access, object)) as Workload | undefined;
    if (workload === undefined) {
      throw new FixableError(`${titleOf(object)} is gone`, "run `pulumi refresh` and `pulumi up` again");
    }
    const namespace = workload.metadata.namespace ?? access.namespace;
    const pods = await podsOf(access, namespace, workload.spec.selector.matchLabels);
    if (isSo(workload, pods)) return { workload, pods };
    const waiting = pods.filter((pod) => !isReady(pod));
    const lost = waiting.find(
      (pod) =>
        isUpdated(workload) && pod.metadata.deletionTimestamp === undefined && hopeless(pod) !== undefined,
    );
    if (lost !== undefined) throw await failure(lost, hopeless(lost) ?? "", "");
    if (Date.now() > deadline) {
      const pod = waiting[0];
      const late = `not ready within ${Math.round((deadline - start) / 1000)} s: `;
      if (pod !== undefined) throw await failure(pod, "mend what it waits for", late);
      throw new FixableError(
        `${titleOf(object)} is ${late}it has no pod`,
        `see its events: kubectl describe ${object.kind} ${object.metadata.name}`,
      );
    }
    // A model loads for minutes.
    await sleep(Math.min(100 + (Date.now() - start) / 10, 2000));
  }

  async function failure(pod: Pod, fix: string, late: string): Promise<FixableError> {
    const words = await lastWords(access, object.metadata.namespace ?? access.namespace, pod);
    return new FixableError(
      `pod ${pod.metadata.name} is ${late || "not going to be ready: "}${waitingFor(pod)}${words && `\nits last words:\n${words}`}`,
      `${fix}, and run \`pulumi up\` again; it goes on from here`,
    );
  }
}
