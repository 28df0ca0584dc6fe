import fc from "fast-check";
import { expect, test } from "vitest";
import { forms } from "../planning/stack-file/target.ts";
import { kubernetesObjects } from "./objects.ts";
import { faultsOf } from "./testing/faults.ts";
import { clusterPlan } from "./testing/sample.ts";

const folder = { source: "/data/models", target: "/data/models" };
const engines = [
  { kind: "simulated" },
  { kind: "vllm" },
  { kind: "vllm-ascend", image: "quay.io/ascend/vllm-ascend:v0.23.0", workDir: folder },
  { kind: "ascendcloud", image: "ascend-vllm:6.3.910", workDir: folder },
];

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);

/** A stack on nodes of eight NPUs, with an instance on each. */
const stacks = fc
  .record({
    engine: fc.constantFrom(...engines),
    form: fc.constantFrom(...forms),
    prefill: fc.integer({ min: 1, max: 4 }),
    decode: fc.integer({ min: 1, max: 4 }),
    names: fc.uniqueArray(name, { minLength: 8, maxLength: 8 }),
    pullSecret: fc.option(name, { nil: undefined }),
    secretEnv: fc.uniqueArray(fc.constantFrom("HF_TOKEN", "A", "B")),
    // Deliberately all that Kubernetes and YAML may take for something else.
    value: fc.array(fc.constantFrom("$", "(", ")", "A", '"', "'", " ", "yes")).map((all) => all.join("")),
  })
  .filter(({ engine, form }) => form !== "model-serving" || engine.kind.startsWith("vllm"))
  .filter(({ names }) => !names.some((one) => /^(scheduler|(prefill|decode)-\d+|.+-member-\d+)$/.test(one)))
  .map(({ engine, form, prefill, decode, names, pullSecret, secretEnv, value }) => {
    const devices = engine.kind === "vllm" ? [] : [0, 1, 2, 3, 4, 5, 6, 7];
    const instances = names.slice(0, prefill + decode).map((one, index) => ({
      ...{ name: one, host: `n-${index}`, devices, port: index < prefill ? 8088 : 8089 },
    }));
    const deviceIps = (node: number) =>
      Object.fromEntries(devices.map((npu) => [npu, `29.0.${node}.${npu + 1}`]));
    const hosts = instances.map(({ host }, index) => [
      host,
      { address: `10.0.0.${index + 1}`, interface: "bond0", deviceIps: deviceIps(index) },
    ]);
    const target = { kind: "kubernetes", namespace: "pd", registry: "r.example.com/pd", form, pullSecret };
    return {
      target,
      engine: { ...engine, secretEnv, extraEnv: { VALUE: value } },
      hosts: Object.fromEntries(hosts),
      prefill: instances.slice(0, prefill),
      decode: instances.slice(prefill),
    };
  });

test("Whatever the engine and the form, an API server finds nothing wrong, and no two objects have one name.", () => {
  fc.assert(
    fc.property(stacks, (changes) => {
      const objects = kubernetesObjects(clusterPlan(changes));

      expect(objects.flatMap(faultsOf)).toEqual([]);
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(names).toEqual([...new Set(names)]);
    }),
    { numRuns: 60 },
  );
});
