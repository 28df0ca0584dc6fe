import { validate as deployment } from "kubernetes-models/_schemas/IoK8sApiAppsV1Deployment";
import { validate as statefulSet } from "kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet";
import { validate as configMap } from "kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap";
import { validate as pod } from "kubernetes-models/_schemas/IoK8sApiCoreV1Pod";
import { validate as service } from "kubernetes-models/_schemas/IoK8sApiCoreV1Service";
import { validate as networkPolicy } from "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy";
import { validate as podDisruptionBudget } from "kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget";
import { validate as priorityClass } from "kubernetes-models/_schemas/IoK8sApiSchedulingV1PriorityClass";
import type { KubernetesObject } from "../object.ts";
import { customFaults } from "./custom-resources.ts";

const validators: Readonly<Record<string, Validator>> = {
  ConfigMap: configMap,
  Deployment: deployment,
  NetworkPolicy: networkPolicy,
  Pod: pod,
  PodDisruptionBudget: podDisruptionBudget,
  PriorityClass: priorityClass,
  Service: service,
  StatefulSet: statefulSet,
};

type Validator = ((data: unknown) => boolean) & { errors?: readonly object[] | null };

/**
 * What an API server would refuse of an object, or take and fail with later: by the schemas of Kubernetes, and by what
 * those do not say.
 */
export function faultsOf(object: KubernetesObject): string[] {
  const custom = customFaults(object);
  if (custom !== undefined) return [...nameFaults(object), ...custom, ...podsOf(object).flatMap(podFaults)];
  const { template, selector } = Object(object.spec);
  return [
    ...schemaFaults(object),
    ...nameFaults(object),
    ...(template === undefined ? [] : podFaults(template)),
    ...(template === undefined ? [] : selectorFaults(selector?.matchLabels, template.metadata.labels)),
  ];
}

/** Those in the roles of a kind that is not Kubernetes' own. */
const podsOf = ({ spec }: KubernetesObject): Template[] =>
  (Object(spec).template?.roles ?? []).map(
    (role: Record<string, unknown>) => role.entryTemplate ?? Object(role.spec).template,
  );

function podFaults(template: Template): string[] {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: template.metadata, spec: template.spec };
  const { containers, volumes = [], hostNetwork } = template.spec;
  const volumeNames = volumes.map(({ name }) => name);
  return [
    ...schemaFaults(pod as unknown as KubernetesObject),
    ...containers.flatMap(({ resources, volumeMounts = [], ports = [] }) => [
      ...Object.entries({ ...resources?.limits, ...resources?.requests }).flatMap(([name, amount]) => [
        ...(resources?.limits?.[name] === resources?.requests?.[name]
          ? []
          : [`${name}: requests are not limits`]),
        ...(/^[1-9]\d*(Mi)?$/.test(String(amount)) && typeof amount === "string"
          ? []
          : [`${name}: ${amount} is no number as text`]),
      ]),
      ...volumeMounts
        .filter(({ name }) => !volumeNames.includes(name))
        .map(({ name }) => `there is no volume ${name}`),
      ...repeats(volumeMounts.map(({ mountPath }) => mountPath)).map((path) => `two mounts at ${path}`),
      ...ports
        .filter(({ containerPort, hostPort }) => hostNetwork === true && hostPort !== containerPort)
        .map(({ containerPort }) => `hostPort of ${containerPort} is another on the node's network`),
    ]),
    ...repeats(volumeNames).map((name) => `two volumes ${name}`),
    ...labelFaults(template.metadata.labels),
  ];
}

interface Template {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly containers: readonly {
      readonly resources?: Readonly<
        Record<"limits" | "requests", Readonly<Record<string, unknown>> | undefined>
      >;
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
      readonly ports?: readonly { readonly containerPort: number; readonly hostPort?: number }[];
    }[];
    readonly volumes?: readonly { readonly name: string }[];
  };
}

/** The validators read every field that there is: one that they do not read is none. */
function schemaFaults(object: KubernetesObject): string[] {
  const validate = validators[object.kind];
  if (validate === undefined) return [`no schema of ${object.kind} is known`];
  const { watched, unread } = watch(object);
  if (!validate(watched)) return (validate.errors ?? []).map((error) => JSON.stringify(error));
  return unread().map((path) => `unknown field ${path}`);
}

function watch(root: object) {
  const seen = new Map<object, Set<PropertyKey>>();
  const proxied = new Map<object, object>();
  const wrap = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const known = proxied.get(value);
    if (known !== undefined) return known;
    const keys = new Set<PropertyKey>();
    seen.set(value, keys);
    const proxy = new Proxy(value, {
      get: (target, key) => {
        keys.add(key);
        return wrap(Reflect.get(target, key));
      },
    });
    proxied.set(value, proxy);
    return proxy;
  };
  const unreadOf = (value: unknown, path: string): string[] => {
    if (typeof value !== "object" || value === null) return [];
    const keys = seen.get(value);
    return Object.entries(value).flatMap(([key, one]) =>
      keys?.has(key) ? unreadOf(one, `${path}.${key}`) : [`${path}.${key}`.slice(1)],
    );
  };
  return { watched: wrap(root), unread: () => unreadOf(root, "") };
}

function nameFaults({ kind, metadata: { name, labels = {} } }: KubernetesObject): string[] {
  // A pod has `-0` behind the name of its set, and the label of a revision ten characters and a hyphen.
  const longest = kind === "StatefulSet" ? 52 : kind === "Service" ? 63 : 253;
  const form = kind === "Service" ? /^[a-z]([a-z0-9-]*[a-z0-9])?$/ : /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
  return [
    ...(form.test(name) && name.length <= longest ? [] : [`${name} is no name of a ${kind}`]),
    ...labelFaults(labels),
  ];
}

const labelFaults = (labels: Readonly<Record<string, string>>): string[] =>
  Object.entries(labels)
    .filter(([, value]) => !/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value))
    .map(([key, value]) => `label ${key} cannot be ${value}`);

function selectorFaults(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): string[] {
  const wrong = Object.entries(selector ?? {}).filter(([key, value]) => labels[key] !== value);
  return [
    ...(selector === undefined ? ["there is no selector"] : []),
    ...wrong.map(([key]) => `the selector's ${key} is not that of the pods`),
  ];
}

const repeats = (values: readonly string[]): string[] =>
  values.filter((value, index) => values.indexOf(value) < index);
