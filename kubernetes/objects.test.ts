import { expect, test } from "vitest";
import { readStackFile, stackNames } from "../cli/stack-file.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import { forms } from "../planning/stack-file/target.ts";
import type { ClusterPlan } from "./names.ts";
import { kubernetesObjects } from "./objects.ts";
import { faultsOf } from "./testing/faults.ts";
import { clusterPlan } from "./testing/sample.ts";
import { yaml } from "./yaml.ts";

// biome-ignore lint/suspicious/noExplicitAny: what it reads is what the API server would
type Any = any;

const eight = [0, 1, 2, 3, 4, 5, 6, 7];

/** Two prefill and two decode instances, each on a node of its own. */
const four = {
  hosts: Object.fromEntries(
    ["a", "b", "c", "d"].map((name, index) => [name, { address: `10.0.0.${index + 1}`, interface: "bond0" }]),
  ),
  prefill: ["a", "b"].map((host) => ({ host, devices: eight, port: 8088 })),
  decode: ["c", "d"].map((host) => ({ host, devices: eight, port: 8089 })),
};

const objectsOf = (...args: Parameters<typeof clusterPlan>): Any[] => kubernetesObjects(clusterPlan(...args));
const ofKind = (objects: readonly Any[], kind: string): Any[] => objects.filter((one) => one.kind === kind);

function planOf(stack: string): ClusterPlan {
  const result = makePlan(stack, readStackFile(stack).deployment);
  const plan = "plan" in result ? result.plan : undefined;
  if (plan?.kubernetes === undefined) throw new Error("it has no cluster");
  return { ...plan, kubernetes: plan.kubernetes };
}

test.each(forms)("An API server finds nothing wrong with the objects of form %s.", (form) => {
  const objects = objectsOf({ ...four, "target.form": form });

  expect(objects.flatMap(faultsOf)).toEqual([]);
});

test.each(stackNames().filter((name) => name.startsWith("k8s-")))(
  "The objects of %s are the recorded ones, and an API server finds nothing wrong with them.",
  async (stack) => {
    const objects = kubernetesObjects(planOf(stack));

    expect(objects.flatMap(faultsOf)).toEqual([]);
    await expect(objects.map(yaml).join("---\n")).toMatchFileSnapshot(`testing/golden/${stack}.yaml`);
  },
);

test("What others name stands before them, and the scheduler comes last.", () => {
  const kinds = [...new Set(objectsOf().map(({ kind }) => kind))];

  expect(kinds).toEqual([
    "PriorityClass",
    "ConfigMap",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "StatefulSet",
    "Deployment",
  ]);
});

test("No two stacks of a cluster have one PriorityClass, whatever their namespaces are called.", () => {
  const classes = (stack: string, namespace: string) =>
    ofKind(objectsOf({ "target.namespace": namespace }, stack), "PriorityClass").map(
      ({ metadata }) => metadata.name,
    );

  expect(classes("b-c", "a")).not.toEqual(classes("c", "a-b"));
});

test("A pod is never beside the one that it replaces: the NPUs are one instance's.", () => {
  const objects = objectsOf();

  expect(ofKind(objects, "StatefulSet").map(({ spec }) => spec.updateStrategy)).toEqual([
    { type: "OnDelete" },
    { type: "OnDelete" },
  ]);
  expect(ofKind(objects, "Deployment").map(({ spec }) => spec.strategy)).toEqual([{ type: "Recreate" }]);
});

test("Nodes of an instance over several are given together or not at all, with all their NPUs.", () => {
  const hosts = ["c", "d"].map((host) => ({ host, devices: eight }));
  const objects = objectsOf({
    ...four,
    "engine.decode": { dataParallel: 2, expertParallel: true },
    prefill: four.prefill.slice(0, 1),
    decode: [{ hosts, port: 8089 }],
  });

  expect(ofKind(objects, "PodGroup").map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
    ["two-decode-0", { minMember: 2, minResources: { "huawei.com/Ascend910": "16" } }],
  ]);
  const groups = ofKind(objects, "StatefulSet").map(
    ({ spec }) => spec.template.metadata.annotations?.["scheduling.k8s.io/group-name"],
  );
  expect(groups).toEqual([undefined, "two-decode-0", "two-decode-0"]);
});

test("A pod that ends has the time that its scheduler drains, that KV cache is kept, and that its process takes.", () => {
  const graces = ofKind(objectsOf({ "scheduler.extraArgs": ["--drain-timeout=300"] }), "StatefulSet").map(
    ({ spec }) => spec.template.spec.terminationGracePeriodSeconds,
  );

  expect(graces).toEqual([300 + 10 + 480 + 120, 300 + 10 + 120]);
});

test("A changed rank table changes the pods that have read it, and not the scheduler, which reads it again.", () => {
  const ascendcloud = (deviceIp: string) => ({
    engine: {
      kind: "ascendcloud",
      image: "i:1",
      workDir: { source: "/data/models", target: "/data/models" },
    },
    hosts: {
      "host-a": { address: "10.0.0.18", npus: 1, deviceIps: { 0: "29.0.0.22" } },
      "host-b": { address: "10.0.0.19", npus: 1, deviceIps: { 0: deviceIp } },
    },
    prefill: [{ host: "host-a", devices: [0], port: 8088 }],
    decode: [{ host: "host-b", devices: [0], port: 8089 }],
  });
  const templates = (deviceIp: string) =>
    objectsOf(ascendcloud(deviceIp)).flatMap(({ metadata, spec }) =>
      spec?.template ? [[metadata.name, spec.template]] : [],
    );

  const [before, after] = [templates("29.0.1.22"), templates("29.0.1.23")];

  const changed = before.filter(
    ([, template], index) => JSON.stringify(template) !== JSON.stringify(after[index]?.[1]),
  );
  expect(changed.map(([name]) => name)).toEqual(["two-prefill-0", "two-decode-0"]);
});

test("A claim stands for the folder with the weights, on every instance.", () => {
  const pods = ofKind(objectsOf({ "target.weightsClaim": "models" }), "StatefulSet").map(
    ({ spec }) => spec.template.spec,
  );

  for (const { volumes, containers } of pods) {
    const { name } = volumes.find((one: Any) => one.persistentVolumeClaim?.claimName === "models");
    expect(containers[0].volumeMounts.find((one: Any) => one.name === name).mountPath).toBe("/data/models");
    expect(volumes.some((one: Any) => one.hostPath?.path === "/data/models")).toBe(false);
  }
});

test("In an InferServiceSet decode comes first, and each instance keeps its node.", () => {
  const [set] = ofKind(objectsOf({ ...four, "target.form": "infer-service-set" }), "InferServiceSet");

  const roles = set.spec.template.roles.map(({ name, priority, spec }: Any) => [
    name,
    priority,
    spec.template.spec.nodeSelector["kubernetes.io/hostname"],
  ]);
  expect(roles).toEqual([
    ["prefill-0", 2, "a"],
    ["prefill-1", 2, "b"],
    ["decode-0", 1, "c"],
    ["decode-1", 1, "d"],
  ]);
});

test("In a ModelServing the instances of a role are one template on any of their nodes, which learns its address there.", () => {
  const [serving] = ofKind(objectsOf({ ...four, "target.form": "model-serving" }), "ModelServing");

  const [decode, prefill] = serving.spec.template.roles;
  expect([decode.name, decode.replicas, prefill.name, prefill.replicas]).toEqual(["decode", 2, "prefill", 2]);
  const { affinity, containers } = decode.entryTemplate.spec;
  const [term] = affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  expect(term.matchExpressions).toEqual([
    { key: "kubernetes.io/hostname", operator: "In", values: ["c", "d"] },
  ]);
  const own = containers[0].env.filter(
    ({ valueFrom }: Any) => valueFrom?.fieldRef.fieldPath === "status.hostIP",
  );
  expect(own.map(({ name }: Any) => name)).toEqual(["HCCL_IF_IP", "VLLM_HOST_IP"]);
});

test("Nothing of a service account is in a pod.", () => {
  const pods = objectsOf().flatMap(({ spec }) => spec?.template?.spec ?? []);

  expect(pods.map(({ automountServiceAccountToken }) => automountServiceAccountToken)).toEqual([
    false,
    false,
    false,
  ]);
});
