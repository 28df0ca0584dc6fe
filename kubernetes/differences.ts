/**
 * By each property of a Docker container, in the words of planning/container/docker-container.ts: how a pod says the same, or what is
 * other. A test reads pods back by it, and compares what they say with the Plan's Docker containers. docs/kubernetes.md has it for people.
 */
export const differences = {
  name: "a container is named by its role; the pod has the name, with -0 behind it",
  image: "one that is built from this repository comes from the registry of the target",
  command: "each `$` before another or a parenthesis is doubled, since Kubernetes expands `$(NAME)`",
  envs: "the same expansion; ASCEND_VISIBLE_DEVICES comes from the annotation in which the device plugin says which NPUs the pod has",
  devices:
    "the device plugin gives NPUs and manager nodes, asked for by number; what stands in for them is mounted",
  mounts: "a PersistentVolumeClaim may stand for the folder with the weights",
  uploads: "files come in ConfigMaps, mounted read-only at their folder",
  user: "by its number, since Kubernetes knows no names: ma-user is 1000, in group 100",
  shmSize: "/dev/shm is a memory volume of that size, which counts as memory of the pod",
  ipcMode: "the pod is in its node's IPC namespace",
  capabilities: "under securityContext, of the same meaning",
  securityOpts: "`no-new-privileges` is allowPrivilegeEscalation: false",
  networkMode: "instances are on their node's network; the scheduler is on the cluster's, behind a Service",
  restart: "Always, which is what a pod of a StatefulSet or Deployment has",
  destroyGraceSeconds:
    "longer: the pod is told to end when it is to be drained, and prefill keeps KV cache for its lease",
  stopTimeout: "as destroyGraceSeconds",
  logDriver: "the kubelet's",
  logOpts: "the kubelet's containerLogMaxSize and containerLogMaxFiles",
  labels: "more of them; what no label of Kubernetes can hold is an annotation, or left out",
  ulimits: "refused by PD185",
  memory: "the limit of its resources, and what it asks for",
  memorySwap: "of swap a pod has none, unless its node is set up for it",
} as const;
