import { expect, test } from "vitest";
import type { KubernetesObject } from "../object.ts";
import { kubernetesObjects } from "../objects.ts";
import { faultsOf } from "./faults.ts";
import { clusterPlan } from "./sample.ts";

// biome-ignore lint/suspicious/noExplicitAny: it breaks what a type would not let it break
type Change = (set: any) => void;

/** A StatefulSet of a node's NPUs, changed by `change`. */
function broken(change: Change): KubernetesObject {
  const set = kubernetesObjects(clusterPlan()).find(({ kind }) => kind === "StatefulSet");
  const copy = JSON.parse(JSON.stringify(set));
  change(copy);
  return copy;
}

test.each<[string, Change]>([
  ["unknown field spec.replica", (set) => Object.assign(set.spec, { replica: 1 })],
  [
    "unknown field spec.tolerations.0.tolerance",
    (set) => Object.assign(set.spec.template.spec.tolerations[0], { tolerance: 1 }),
  ],
  [
    "huawei.com/Ascend910: requests are not limits",
    (set) =>
      Object.assign(set.spec.template.spec.containers[0].resources.requests, { "huawei.com/Ascend910": "4" }),
  ],
  [
    "huawei.com/Ascend910: 8 is no number as text",
    (set) => {
      set.spec.template.spec.containers[0].resources = {
        requests: { "huawei.com/Ascend910": 8 },
        limits: { "huawei.com/Ascend910": 8 },
      };
    },
  ],
  [
    "huawei.com/Ascend910: 0.5 is no number as text",
    (set) => {
      set.spec.template.spec.containers[0].resources = {
        requests: { "huawei.com/Ascend910": "0.5" },
        limits: { "huawei.com/Ascend910": "0.5" },
      };
    },
  ],
  [
    "the selector's ascend-pd.role is not that of the pods",
    (set) => Object.assign(set.spec.selector.matchLabels, { "ascend-pd.role": "x" }),
  ],
  ["Up is no name of a StatefulSet", (set) => Object.assign(set.metadata, { name: "Up" })],
  [
    "there is no volume v99",
    (set) => set.spec.template.spec.containers[0].volumeMounts.push({ name: "v99", mountPath: "/x" }),
  ],
  [
    "label ascend-pd.role cannot be a b",
    (set) => {
      set.metadata.labels = { "ascend-pd.role": "a b" };
    },
  ],
  [
    "hostPort of 8088 is another on the node's network",
    (set) => {
      set.spec.template.spec.containers[0].ports[0].hostPort = 1;
    },
  ],
])("It finds: %s.", (fault, change) => {
  expect(faultsOf(broken(change)).join("\n")).toContain(fault);
});

test("It finds what the schemas of Kubernetes refuse.", () => {
  expect(
    faultsOf(
      broken((set) => {
        set.spec.replicas = "1";
      }),
    ).join(),
  ).toMatch(/spec\/replicas|replicas/);
});
