/** What of a pod the kubelet stand-in looks at. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly containers: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
  readonly status?: { readonly phase?: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly exec?: { readonly command: readonly string[] } } };
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

export interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly emptyDir?: { readonly medium?: string };
  readonly configMap?: { readonly name: string };
  readonly projected?: {
    readonly sources: readonly {
      readonly configMap: {
        readonly name: string;
        readonly items: readonly { readonly key: string; readonly path: string }[];
      };
    }[];
  };
}

/**
 * What it does as a kubelet does, and what means nothing to a process on a node that is none: the rest of a pod is refused,
 * so that no test passes by what was not done.
 */
const known: Readonly<Record<string, readonly string[]>> = {
  spec: [
    ...["automountServiceAccountToken", "containers", "dnsPolicy", "enableServiceLinks", "hostNetwork"],
    ...["imagePullSecrets", "nodeName", "nodeSelector", "preemptionPolicy", "priority", "priorityClassName"],
    ...["restartPolicy", "schedulerName", "securityContext", "serviceAccount", "serviceAccountName"],
    ...["terminationGracePeriodSeconds", "tolerations", "volumes", "hostname", "subdomain", "hostIPC"],
  ],
  container: [
    ...["args", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports"],
    ...["readinessProbe", "resources", "securityContext", "startupProbe", "terminationMessagePath"],
    ...["terminationMessagePolicy", "volumeMounts"],
  ],
  volume: ["name", "hostPath", "emptyDir", "configMap", "projected"],
  mount: ["name", "mountPath", "readOnly"],
  env: ["name", "value", "valueFrom"],
  valueFrom: ["fieldRef", "secretKeyRef"],
  probe: ["httpGet", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"],
  lifecycle: ["preStop"],
};

/** Why it cannot run the pod. */
export function unknownIn(pod: Pod): string | undefined {
  const { containers, volumes = [] } = pod.spec;
  const [container, ...others] = containers;
  if (container === undefined || others.length > 0) return "a pod has one container here";
  const { startupProbe, readinessProbe, livenessProbe, lifecycle = {} } = container;
  const looked: [string, object | undefined][] = [
    ["spec", pod.spec],
    ["container", container],
    ["lifecycle", lifecycle],
    ...volumes.map((one): [string, object] => ["volume", one]),
    ...(container.volumeMounts ?? []).map((one): [string, object] => ["mount", one]),
    ...(container.env ?? []).map((one): [string, object] => ["env", one]),
    ...(container.env ?? []).map((one): [string, object | undefined] => ["valueFrom", one.valueFrom]),
    ...[startupProbe, readinessProbe, livenessProbe].map((one): [string, object | undefined] => [
      "probe",
      one,
    ]),
  ];
  const unknown = looked.flatMap(([what, value = {}]) =>
    Object.keys(value)
      .filter((key) => !known[what]?.includes(key))
      .map((key) => `${what}.${key}`),
  );
  return unknown.length > 0 ? `not known here: ${unknown.join(", ")}` : undefined;
}
