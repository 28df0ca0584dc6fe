import { z } from "zod";
import { text, visible } from "./words.ts";

const label = (what: string) =>
  z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    error: `is not ${what} of at most 63 small letters, digits and inner hyphens`,
  });

/** What the instances of a stack become. */
export const forms = ["plain", "infer-service-set", "model-serving"] as const;

export type Form = (typeof forms)[number];

const kubernetes = z.strictObject({
  kind: z.literal("kubernetes").describe("a Kubernetes cluster, whose nodes are the hosts"),
  namespace: label("a namespace").describe("namespace of all objects, which must exist, e.g. pd"),
  context: text(
    "context of the kubeconfig that leads to the cluster, e.g. admin@npu-1, default its current one",
  ).optional(),
  form: z
    .enum(forms)
    .default("plain")
    .describe(
      "objects that instances become: plain (a StatefulSet for each node of one), infer-service-set (one InferServiceSet of MindCluster) or model-serving (one ModelServing of Kthena), default plain",
    ),
  registry: visible
    .regex(/^[a-z0-9][a-z0-9._:-]*(\/[a-z0-9._-]+)*$/, { error: "is not a registry, with a path or without" })
    .describe(
      "where the images are that are built from this repository, a registry and a path, e.g. registry.example.com/pd",
    ),
  pullSecret: label("a name")
    .describe("Secret of the namespace with the registries' credentials, e.g. registry, default none")
    .optional(),
  weightsClaim: label("a name")
    .describe(
      "PersistentVolumeClaim of the namespace, ReadWriteMany, that is mounted in place of the nodes' own folder with the weights, e.g. models, default that folder",
    )
    .optional(),
  npuResource: z
    .string()
    .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, { error: "is not an extended resource" })
    .describe(
      "extended resource by which the device plugin gives NPUs, e.g. huawei.com/ascend-1980 on Huawei Cloud, default by the generation of a node's NPUs, huawei.com/Ascend910 or huawei.com/Ascend310P, and none with engines that need no NPU",
    )
    .optional(),
  schedulerName: label("a name")
    .describe(
      "who places the instances' pods, e.g. default-scheduler, default volcano for those that take NPUs",
    )
    .optional(),
});

/** What runs the containers; where the stack file has none, the Docker Engines of its hosts do. */
export const target = kubernetes
  .describe(
    "what runs the containers in place of the hosts' Docker Engines, `kind: kubernetes`, default none",
  )
  .optional();
