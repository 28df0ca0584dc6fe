import { z } from "zod";
import type { KubernetesObject } from "../object.ts";

/*
 * Kinds that are not Kubernetes' own, by the fields that their authors publish: of what is written here, each is one of those, with its
 * type and limits.
 */

const texts = z.record(z.string(), z.string());
const metadata = z.strictObject({ name: z.string(), namespace: z.string(), labels: texts });
const pod = z.strictObject({
  metadata: z.strictObject({ labels: texts, annotations: texts.optional() }),
  // Its fields are Kubernetes' own, which faultsOf looks at.
  spec: z.looseObject({}),
});

const schemas: Readonly<Record<string, z.ZodType>> = {
  "scheduling.volcano.sh/v1beta1 PodGroup": z.strictObject({
    minMember: z.int().min(1),
    minResources: texts.optional(),
  }),
  "mindcluster.huawei.com/v1 InferServiceSet": z.strictObject({
    replicas: z.int().min(0),
    template: z.strictObject({
      schedulingStrategy: z.strictObject({ type: z.literal("Priority") }),
      roles: z.array(
        z.strictObject({
          name: z.string().max(63),
          replicas: z.int().min(0),
          priority: z.int().min(1).max(32),
          workload: z.strictObject({
            apiVersion: z.literal("apps/v1"),
            kind: z.enum(["StatefulSet", "Deployment"]),
          }),
          metadata: z.strictObject({ labels: texts }),
          // With gang scheduling, pods of an instance must be made at once.
          spec: z.looseObject({ podManagementPolicy: z.literal("Parallel"), template: pod }),
        }),
      ),
    }),
  }),
  "workload.serving.volcano.sh/v1alpha1 ModelServing": z.strictObject({
    replicas: z.int().min(0),
    schedulerName: z.string(),
    recoveryPolicy: z.enum(["ServingGroupRecreate", "RoleRecreate", "None"]),
    template: z.strictObject({
      gangPolicy: z.strictObject({ minRoleReplicas: z.record(z.string(), z.int()) }),
      roles: z
        .array(
          z.strictObject({
            name: z
              .string()
              .max(12)
              .regex(/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/),
            replicas: z.int().min(0),
            entryTemplate: pod,
            workerReplicas: z.int().min(0),
          }),
        )
        .min(1)
        .max(4),
    }),
  }),
};

/** Undefined where the kind is Kubernetes' own. */
export function customFaults({
  apiVersion,
  kind,
  metadata: meta,
  ...rest
}: KubernetesObject): string[] | undefined {
  const spec = schemas[`${apiVersion} ${kind}`];
  if (spec === undefined) return undefined;
  const { error } = z.strictObject({ metadata, spec }).safeParse({ metadata: meta, ...rest });
  return error?.issues.map(({ path, message }) => `${kind} ${path.join(".")}: ${message}`) ?? [];
}
