/**
 * A `ascend-pd:deployment` for tests that breaks no rule: two hosts, two prefill and two decode instances of two
 * NPUs. A new object each time, to be changed at will.
 */
export function sampleInput() {
  return {
    engine: {
      kind: "ascendcloud",
      image: "ascend-vllm:6.3.910",
      workDir: { source: "/data/models", target: "/data/models" },
    },
    model: {
      path: "/data/models/qwen2.5-7b",
      servedName: "qwen2.5-7b",
      maxModelLen: 4096,
      maxNumSeqs: 256,
      maxNumBatchedTokens: 4096,
    },
    hosts: {
      "host-a": {
        address: "10.0.0.18",
        docker: "ssh://root@10.0.0.18",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
        npus: 8,
        deviceIps: { 4: "29.0.0.22", 5: "29.0.0.23", 6: "29.0.0.56", 7: "29.0.0.72" },
      },
      "host-b": {
        address: "10.0.0.19",
        docker: "ssh://root@10.0.0.19:2222",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
        npus: 8,
        deviceIps: { 4: "29.0.1.22", 5: "29.0.1.23", 6: "29.0.1.56", 7: "29.0.1.72" },
      },
    },
    prefill: [
      { host: "host-a", devices: [4, 5], port: 8088 },
      { host: "host-b", devices: [4, 5], port: 8088 },
    ],
    decode: [
      { host: "host-a", devices: [6, 7], port: 8089 },
      { host: "host-b", devices: [6, 7], port: 8089 },
    ],
    scheduler: { host: "host-a", port: 9000 },
  };
}

/** What makes the sample input one for vllm-ascend: a new object each time. */
export const onVllmAscend = (): Changes => ({
  engine: {
    kind: "vllm-ascend",
    image: "quay.io/ascend/vllm-ascend:v0.23.0",
    workDir: { source: "/data/models", target: "/data/models" },
  },
  "hosts.host-a.interface": "bond0",
  "hosts.host-b.interface": "bond0",
});

/** What makes it one for a cluster: two A2 nodes, each with one instance of vllm-ascend on all its NPUs. */
export const onKubernetes = (): Changes => ({
  engine: onVllmAscend().engine,
  target: { kind: "kubernetes", namespace: "pd", registry: "registry.example.com/pd" },
  hosts: {
    "host-a": { address: "10.0.0.18", interface: "bond0" },
    "host-b": { address: "10.0.0.19", interface: "bond0" },
  },
  prefill: [{ host: "host-a", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8088 }],
  decode: [{ host: "host-b", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8089 }],
  scheduler: { port: 9000 },
});

/** Values by the place where they are put; `undefined` takes out what is there. */
export type Changes = Readonly<Record<string, unknown>>;

/** The sample input with `changes` made to it. */
export function changedInput(changes: Changes) {
  const input = sampleInput();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  return input;
}

/** Puts `value` where `path` (`decode[0].port`, `hosts.host-a.npus`) leads; `undefined` takes out what is there. */
export function put(input: object, path: string, value: unknown): void {
  const keys = path.split(/[.[\]]+/).filter(Boolean);
  const last = keys.pop() ?? "";
  const parent = keys.reduce<object>((tree, key) => Reflect.get(tree, key), input);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
}
