/** A simulated instance as a StatefulSet: on a node, in that node's network, as a deployment's are. */
export function simulatedSet(name: string, node: string, port: number, args: readonly string[] = []) {
  const labels = { "ascend-pd.container": name };
  const probe = { httpGet: { path: "/health", port: "api" }, periodSeconds: 1 };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace: "default", labels },
    spec: {
      replicas: 1,
      serviceName: name,
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          nodeSelector: { "kubernetes.io/hostname": node },
          hostNetwork: true,
          terminationGracePeriodSeconds: 30,
          containers: [
            {
              name: "prefill",
              image: "registry.example.com/pd/simulator:test",
              args: ["--role=prefill", "--model=/models/test", "--host=0.0.0.0", `--port=${port}`, ...args],
              ports: [{ name: "api", containerPort: port, hostPort: port }],
              resources: {
                requests: { "huawei.com/Ascend910": "8" },
                limits: { "huawei.com/Ascend910": "8" },
              },
              startupProbe: { ...probe, failureThreshold: 60 },
              readinessProbe: probe,
              livenessProbe: probe,
            },
          ],
        },
      },
    },
  };
}

export function serviceOf(name: string, port: number) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { selector: { "ascend-pd.container": name }, ports: [{ name: "api", port, targetPort: "api" }] },
  };
}
