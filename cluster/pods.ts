import type { Access } from "./access.ts";
import { refusal } from "./refusals.ts";
import { call } from "./request.ts";

/** Of a pod, what tells how it is. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  readonly restartCount: number;
  readonly state?: {
    readonly waiting?: { readonly reason: string; readonly message?: string };
    readonly terminated?: { readonly exitCode: number; readonly reason?: string };
  };
  readonly lastState?: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
}

export async function podsOf(
  access: Access,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<readonly Pod[]> {
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const answer = await call(access, path, { query: { labelSelector } });
  if (answer.status !== 200) throw refusal(access, `listing pods of ${namespace}`, answer);
  return JSON.parse(answer.text).items;
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;

/** What a pod waits for, for people. */
export function waitingFor({ metadata, spec, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined)
    return `it is ending on ${spec.nodeName ?? "no node"}, and has until ${metadata.deletionTimestamp}`;
  const placed = status.conditions?.find(({ type }) => type === "PodScheduled");
  if (spec.nodeName === undefined) return `no node takes it: ${placed?.message ?? "nobody has looked yet"}`;
  const { restartCount = 0, state, lastState } = status.containerStatuses?.[0] ?? {};
  const { reason, message } = state?.waiting ?? {};
  const waits =
    reason === undefined
      ? "its container runs and is not ready"
      : [reason, message].filter(Boolean).join(": ");
  const ended = lastState?.terminated ?? state?.terminated;
  const restarts = restartCount === 0 ? "" : `, started ${restartCount + 1} times`;
  const last =
    ended === undefined ? "" : `, ended last with exit code ${ended.exitCode} (${ended.reason ?? "Error"})`;
  return `${waits} on ${spec.nodeName}${restarts}${last}`;
}

/** Why waiting any longer is in vain until somebody mends it; a kubelet has tried more than once by then. */
export function hopeless(pod: Pod): string | undefined {
  const { restartCount = 0, state } = pod.status.containerStatuses?.[0] ?? {};
  const reasons: Readonly<Record<string, string>> = {
    ImagePullBackOff: "push the image, or give `target.pullSecret` the credentials of its registry",
    InvalidImageName: "mend `target.registry` or the engine's image",
    CreateContainerConfigError:
      "make what it names (a Secret, a ConfigMap, a key of these) in that namespace",
  };
  const fix = reasons[state?.waiting?.reason ?? ""];
  if (fix !== undefined) return fix;
  return restartCount > 2 ? `read its log: kubectl logs --previous ${pod.metadata.name}` : undefined;
}

/** The end of what its container has written, or what the one before has; empty where nobody knows. */
export async function lastWords(access: Access, namespace: string, { metadata }: Pod): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/log`;
  const answer = await call(access, path, { query: { tailLines: "20" } }).catch(() => undefined);
  return answer?.status === 200 ? answer.text.trim() : "";
}
