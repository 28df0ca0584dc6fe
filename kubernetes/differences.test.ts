import { expect, test } from "vitest";
import { dockerContainer } from "../planning/container/docker-container.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import type { Changes } from "../planning/testing/sample-input.ts";
import { differences } from "./differences.ts";
import type { ClusterPlan } from "./names.ts";
import { kubernetesObjects } from "./objects.ts";
import { clusterPlan } from "./testing/sample.ts";

const npus = [0, 1, 2, 3, 4, 5, 6, 7];
const folder = { source: "/data/models", target: "/data/models" };
const deviceIps = Object.fromEntries(npus.map((npu) => [npu, `29.0.0.${npu + 1}`]));
const secondIps = Object.fromEntries(npus.map((npu) => [npu, `29.0.1.${npu + 1}`]));

/** Of each engine one, with all that a stack file can say of its containers. */
const engines: readonly (readonly [string, Changes])[] = [
  ["vllm-ascend", { "engine.sharedMemory": "16g", "engine.extraEnv": { A: "$(B) $$ $C" } }],
  [
    "vllm-ascend over two nodes",
    {
      "engine.decode": { dataParallel: 2, expertParallel: true },
      "engine.ipc": "host",
      hosts: Object.fromEntries(
        ["host-a", "host-b", "host-c"].map((name, index) => [
          name,
          { address: `10.0.0.${18 + index}`, interface: "bond0" },
        ]),
      ),
      decode: [
        {
          hosts: [
            { host: "host-b", devices: npus },
            { host: "host-c", devices: npus },
          ],
          port: 8089,
        },
      ],
    },
  ],
  [
    "ascendcloud",
    {
      engine: { kind: "ascendcloud", image: "ascend-vllm:6.3.910", workDir: folder },
      hosts: {
        "host-a": { address: "10.0.0.18", deviceIps },
        "host-b": { address: "10.0.0.19", deviceIps: secondIps },
      },
    },
  ],
  ["vllm", { engine: { kind: "vllm" }, "prefill[0].devices": [], "decode[0].devices": [] }],
  ["simulated", { engine: { kind: "simulated", secretEnv: ["HF_TOKEN"] } }],
];

test.each(engines)(
  "The containers of %s are the same as on Docker hosts, but for the list.",
  (_, changes) => {
    const plan = clusterPlan(changes);

    for (const container of plan.containers) {
      const docker = dockerContainer(container, "image", plan.stack);
      const back = readBack(plan, container);
      const same = Object.keys(docker).filter((key) => !Object.hasOwn(differences, key));
      expect(same).toEqual([]);
      expect(back).toEqual({
        command: docker.command,
        envs: docker.envs,
        mounts: docker.mounts,
        uploads: docker.uploads.map(({ file, content }) => ({ file, content })),
        devices: docker.devices,
        shmSize: Object(docker).shmSize,
        memory: Object(docker).memory,
        restricted: Object(docker).capabilities !== undefined,
        ipcMode: Object(docker).ipcMode,
        ...(container.member === undefined || container.member.index === 0
          ? { port: container.port }
          : { port: undefined }),
      });
    }
  },
);

// biome-ignore lint/suspicious/noExplicitAny: what it reads is what the API server would
type Any = any;

/** A pod's container in the words of Docker, with what the list says undone. */
function readBack(plan: ClusterPlan, { name, npus: ids }: ContainerPlan) {
  const objects: readonly Any[] = kubernetesObjects(plan);
  const { spec } = objects.find((one) => one.metadata.name === name && one.spec?.template).spec.template;
  const [one] = spec.containers;
  const maps = new Map(
    objects.filter(({ kind }) => kind === "ConfigMap").map((map) => [map.metadata.name, map.data]),
  );
  const mounts =
    one.volumeMounts?.map((mount: Any) => ({
      ...mount,
      ...spec.volumes.find((volume: Any) => volume.name === mount.name),
    })) ?? [];
  const { memory, ...counts } = one.resources?.limits ?? {};
  const count = Object.values(counts)[0];
  return {
    command: one.args.map(expanded),
    envs: one.env
      .filter(({ value }: Any) => value !== undefined)
      .map((variable: Any) => `${variable.name}=${expanded(variable.value)}`),
    mounts: mounts
      .filter(({ hostPath }: Any) => hostPath !== undefined && hostPath.type !== "CharDevice")
      .map(({ hostPath, mountPath, readOnly = false }: Any) => ({
        type: "bind",
        source: hostPath.path,
        target: mountPath,
        readOnly,
      })),
    uploads: mounts
      .filter(({ projected }: Any) => projected)
      .flatMap(({ projected, mountPath }: Any) =>
        projected.sources.flatMap(({ configMap }: Any) =>
          configMap.items.map(({ key, path }: Any) => ({
            file: `${mountPath}/${path}`,
            content: maps.get(configMap.name)[key],
          })),
        ),
      ),
    devices:
      count === undefined
        ? mounts
            .filter(({ hostPath }: Any) => hostPath?.type === "CharDevice")
            .map(({ hostPath, mountPath }: Any) => ({
              hostPath: hostPath.path,
              containerPath: mountPath,
              permissions: "rwm",
            }))
        : [
            ...ids.slice(0, Number(count)).map((id) => `davinci${id}`),
            "davinci_manager",
            "devmm_svm",
            "hisi_hdc",
          ].map((node) => ({
            hostPath: `/dev/${node}`,
            containerPath: `/dev/${node}`,
            permissions: "rwm",
          })),
    shmSize: mib(mounts.find(({ mountPath }: Any) => mountPath === "/dev/shm")?.emptyDir.sizeLimit),
    memory: mib(memory),
    restricted:
      one.securityContext.capabilities?.drop[0] === "ALL" &&
      one.securityContext.allowPrivilegeEscalation === false,
    ipcMode: spec.hostIPC ? "host" : undefined,
    port: one.ports?.[0].containerPort,
  };
}

const mib = (size: string | undefined) => (size === undefined ? undefined : Number(size.replace("Mi", "")));

/** As the kubelet does it where no variable is called so: `$$` is `$`, and what is none of that stays. */
const expanded = (text: string): string =>
  text.replace(/\$\$|\$\([^)]*\)/g, (one) => (one === "$$" ? "$" : one));

test("The list has no property that Docker's container has not.", () => {
  const all = engines.flatMap(([, changes]) => {
    const plan = clusterPlan(changes);
    return plan.containers.flatMap((one) => Object.keys(dockerContainer(one, "image", plan.stack)));
  });

  expect(Object.keys(differences).filter((key) => key !== "ulimits" && !all.includes(key))).toEqual([]);
});
