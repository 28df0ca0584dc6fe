import { systemPaths } from "../planning/container/path-kinds.ts";
import { restrictions } from "../planning/container/settings.ts";
import { isNpuNode, managerNodes } from "../planning/engines/devices.ts";
import { isHead } from "../planning/layout.ts";
import type { ContainerPlan, DevicePlan } from "../planning/plan.ts";
import type { FilesVolume } from "./config-maps.ts";
import { type ClusterPlan, secretName } from "./names.ts";

/** A container of a Plan as that of a pod, and the volumes that it mounts. */
export interface PodContainer {
  readonly container: object;
  readonly volumes: readonly object[];
}

/**
 * The same command, variables, mounts and ports as on a Docker host; what a cluster has to change is in differences.ts,
 * by which a test compares the two.
 */
export function podContainer(
  plan: ClusterPlan,
  one: ContainerPlan,
  files: FilesVolume | undefined,
  image: string,
): PodContainer {
  const { name, role, member, command, env, devices, mounts, user, restricted, ...others } = one;
  const { port, npus, readyPath, startTimeoutSeconds, sharedMemoryMib, secretEnv, ...rest } = others;
  // What is the pod's, or said otherwise: see pod.ts. Does not compile when the Plan says something that nothing heeds.
  const { host, image: _image, files: _files, stopTimeoutSeconds, ipc, ulimits, ...onDocker } = rest;
  // Of monitoring and of TLS, which are for stacks on Docker hosts.
  const { volumes: _volumes, address: _address, tls: _tls, memoryMib, ...forgotten } = onDocker;
  forgotten satisfies Record<string, never>;

  const mounted = [
    ...mounts.map((mount) => ({ volume: hostVolume(plan, mount.source), ...mount })),
    ...standIns(devices).map(({ hostPath, containerPath }) => ({
      volume: { hostPath: { path: hostPath, type: "CharDevice" } },
      target: containerPath,
      readOnly: false,
    })),
    ...(files ? [{ volume: { projected: files.projected }, target: files.folder, readOnly: true }] : []),
    ...(sharedMemoryMib === undefined
      ? []
      : [
          {
            volume: { emptyDir: { medium: "Memory", sizeLimit: `${sharedMemoryMib}Mi` } },
            target: "/dev/shm",
            readOnly: false,
          },
        ]),
  ].map((mount, index) => ({ ...mount, name: `v${index}` }));
  const memory = memoryMib === undefined ? undefined : { memory: `${memoryMib}Mi` };
  const npuCount = npuResources(plan, one);
  const resources = (memory || npuCount) && { ...npuCount, ...memory };
  return {
    container: {
      name: role,
      image,
      args: command.map(literal),
      env: [
        ...Object.entries(env).map(([variable, value]) => ({ name: variable, value: literal(value) })),
        ...visibleDevices(plan, one),
        ...(secretEnv ?? []).map((variable) => ({
          name: variable,
          valueFrom: { secretKeyRef: { name: secretName(plan.stack), key: variable } },
        })),
      ],
      ...(isHead(one) && { ports: [{ name: "api", containerPort: port, ...hostPort(plan, one) }] }),
      ...(resources && { resources: { requests: resources, limits: { ...resources } } }),
      ...(isHead(one) && probes(one)),
      volumeMounts: mounted.map(({ name: volume, target, readOnly }) => ({
        name: volume,
        mountPath: target,
        ...(readOnly && { readOnly }),
      })),
      securityContext: {
        ...userOf(user),
        ...(restricted && {
          allowPrivilegeEscalation: false,
          capabilities: { drop: [...restrictions.dropCapabilities] },
        }),
        seccompProfile: { type: "RuntimeDefault" },
      },
    },
    volumes: mounted.map(({ name: volume, volume: source }) => ({ name: volume, ...source })),
  };
}

/** Kubernetes puts variables in the place of `$(NAME)`, and one `$` in that of two. */
export const literal = (text: string): string => text.replace(/\$(?=[$(])/g, "$$$$");

/** Of a pod that shares its node's network, both are one; elsewhere a port of the node is not taken. */
const hostPort = (plan: ClusterPlan, { host, port }: ContainerPlan) =>
  nodeOf(plan, host) && { hostPort: port };

export const nodeOf = ({ hosts }: ClusterPlan, host: string) => hosts.find(({ name }) => name === host)?.node;

/** A missing source keeps the pod from starting, where its kind is known. */
function hostVolume({ kubernetes: { weights } }: ClusterPlan, path: string): object {
  if (path === weights?.source && weights.claim !== undefined) {
    return { persistentVolumeClaim: { claimName: weights.claim } };
  }
  const kind = path === weights?.source ? "folder" : systemPaths.get(path);
  return { hostPath: { path, type: kind === undefined ? "" : { file: "File", folder: "Directory" }[kind] } };
}

/** Nodes of the host behind which there is no NPU: the device plugin gives none of those. */
const standIns = (devices: readonly DevicePlan[]): DevicePlan[] =>
  devices.filter(({ hostPath }) => !isNpuNode(hostPath) && !managerNodes.includes(hostPath));

/** As text, and equal: of what is not divided, Kubernetes takes nothing else. */
function npuResources(plan: ClusterPlan, { npus, host }: ContainerPlan): Record<string, string> | undefined {
  const resource = nodeOf(plan, host)?.npus?.resource;
  return resource === undefined || npus.length === 0 ? undefined : { [resource]: String(npus.length) };
}

/** MindCluster's runtime gives the NPUs that this names: those that its device plugin has put into the annotation. */
function visibleDevices(plan: ClusterPlan, { npus, host }: ContainerPlan): object[] {
  const of = nodeOf(plan, host)?.npus;
  if (of?.ring === undefined || npus.length === 0) return [];
  const fieldRef = { fieldPath: `metadata.annotations['${of.resource}']` };
  return [{ name: "ASCEND_VISIBLE_DEVICES", valueFrom: { fieldRef } }];
}

/** Ids of the users that images of engines name; Kubernetes knows numbers alone. */
const users: Readonly<Record<string, object>> = { "ma-user": { runAsUser: 1000, runAsGroup: 100 } };

const userOf = (user: string | undefined): object | undefined =>
  user === undefined ? undefined : users[user];

/** Seconds between two questions. */
const period = 10;

/** The start has all the time that the Plan gives it; only then do the others begin. */
function probes({ role, readyPath, startTimeoutSeconds }: ContainerPlan) {
  const get = (path: string) => ({
    httpGet: { path, port: "api" },
    periodSeconds: period,
    timeoutSeconds: 5,
  });
  const alive = role === "scheduler" ? "/livez" : readyPath;
  return {
    startupProbe: { ...get(alive), failureThreshold: Math.ceil(startTimeoutSeconds / period) },
    readinessProbe: { ...get(readyPath), failureThreshold: 3 },
    livenessProbe: { ...get(alive), failureThreshold: 6 },
  };
}
