import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { put, sampleInput } from "../../planning/testing/sample-input.ts";
import { inProjectFolder } from "../testing/run-command.ts";
import { render } from "./render.ts";

inProjectFolder();
beforeEach(() => writeStack("two"));
afterEach(() => {
  vi.restoreAllMocks();
});

/** The stack file of the sample of two hosts, changed. */
function writeStack(name: string, changes: Readonly<Record<string, unknown>> = {}): void {
  const input = sampleInput();
  for (const [path, value] of Object.entries(changes)) put(input, path, value);
  writeFileSync(`stacks/Pulumi.${name}.yaml`, stringify({ config: { "ascend-pd:deployment": input } }));
}

/** What `ascend-pd render …` prints. */
async function rendered(...args: string[]): Promise<string> {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  expect(await render.run(args)).toBe(0);
  return out.mock.calls.join("");
}

test("The one host of a stack needs no --host.", async () => {
  const script = await rendered("docker-run", "1p1d");

  expect(script).toMatch(/^#!\/bin\/sh\n# What `pulumi up` does for stack 1p1d on host-a \(10\.0\.0\.18\)/);
  expect(script.match(/^docker start .*/gm)).toEqual([
    "docker start 1p1d-prefill-0",
    "docker start 1p1d-decode-0",
    "docker start 1p1d-scheduler",
  ]);
});

test("A host on which nothing runs needs no file and is not counted.", async () => {
  writeStack("one", {
    prefill: [{ host: "host-a", devices: [4, 5], port: 8088 }],
    decode: [{ host: "host-a", devices: [6, 7], port: 8089 }],
  });

  expect(await rendered("compose", "one")).toContain("one-scheduler:");
});

test("Of several hosts, --host chooses one.", async () => {
  const file = parse(await rendered("compose", "two", "--host", "host-b"));

  expect(Object.keys(file.services)).toEqual(["two-prefill-1", "two-decode-1"]);
});

test.each([
  [
    ["docker-run", "two"],
    "two runs on 2 hosts, and each needs a file of its own\nfix: --host and one of: host-a, host-b",
  ],
  [
    ["compose", "two", "--host", "host-c"],
    "nothing of two runs on a host host-c\nfix: --host and one of: host-a, host-b",
  ],
  [["compse", "two"], 'there is no target "compse"\nfix: one of: docker-run, compose, kubernetes'],
  [[], 'there is no target ""'],
  [["compose"], "STACK is missing"],
  [["toString", "two"], 'there is no target "toString"'],
])("%j is refused with what there is to choose from.", (args, complaint) => {
  expect(() => render.run(args)).toThrow(complaint);
});

test("A stack that cannot work is not rendered.", () => {
  writeStack("wrong", { "decode[0].port": 8088 });

  expect(() => render.run(["compose", "wrong"])).toThrow(/^stacks\/Pulumi\.wrong\.yaml: \d problem/);
});

test("A warning does not hinder, and is not part of what is printed.", async () => {
  writeStack("warned", { "model.path": "/models/elsewhere" });
  const err = vi.spyOn(console, "error").mockReturnValue();

  const script = await rendered("docker-run", "warned", "--host", "host-b");

  expect(err.mock.calls.join("")).toContain("PD143");
  expect(script).toMatch(/^#!/);
});

/** A stack of the simulator on a node of a cluster. */
function writeClusterStack(name: string, changes: Readonly<Record<string, unknown>> = {}): void {
  writeStack(name, {
    target: { kind: "kubernetes", namespace: "pd", registry: "registry.example.com/pd" },
    engine: { kind: "simulated", secretEnv: ["HF_TOKEN"] },
    hosts: { "host-a": { address: "10.0.0.18" }, "host-b": { address: "10.0.0.19" } },
    scheduler: { port: 9000 },
    ...changes,
  });
}

test("The manifest of a cluster's stack says how it is applied, and every secret stands in it by name alone.", async () => {
  writeClusterStack("cluster");

  const manifest = await rendered("kubernetes", "cluster");

  expect(manifest).toMatch(
    /^# Stack cluster on Kubernetes\. Applied by:\n# {3}kubectl apply --server-side --field-manager=ascend-pd --filename FILE\n/,
  );
  expect(manifest).toContain(
    "kubectl --namespace=pd create secret generic cluster-env --from-env-file=secrets.env",
  );
  const objects = parseAllDocuments(manifest).map((one) => one.toJS());
  const pod = objects.find(({ kind }) => kind === "StatefulSet").spec.template.spec;
  expect(pod.containers[0].env).toContainEqual({
    name: "HF_TOKEN",
    valueFrom: { secretKeyRef: { name: "cluster-env", key: "HF_TOKEN" } },
  });
  expect(objects.map(({ kind }) => kind)).not.toContain("Secret");
});

test("A Kustomize base names its files, each with what is one instance's, and has all that the manifest has.", async () => {
  writeClusterStack("cluster");

  expect(await rendered("kubernetes", "cluster", "--out", "base", "--kustomize")).toBe("");

  const { resources } = parse(readFileSync("base/kustomization.yaml", "utf8"));
  expect(resources).toEqual([
    "0-stack.yaml",
    "1-decode-0.yaml",
    "1-decode-1.yaml",
    "1-prefill-0.yaml",
    "1-prefill-1.yaml",
    "2-scheduler.yaml",
  ]);
  const inFiles = resources.flatMap((file: string) =>
    parseAllDocuments(readFileSync(`base/${file}`, "utf8")),
  );
  vi.restoreAllMocks();
  const printed = parseAllDocuments(await rendered("kubernetes", "cluster"));
  const sorted = (all: readonly { toJS(): unknown }[]) => all.map((one) => JSON.stringify(one.toJS())).sort();
  expect(sorted(inFiles)).toEqual(sorted(printed));
});

test("A folder that has a manifest of an instance that is no more is refused, and stays as it is.", async () => {
  writeClusterStack("cluster");
  await rendered("kubernetes", "cluster", "--out", "manifests");
  vi.restoreAllMocks();
  writeClusterStack("cluster", { decode: [{ host: "host-a", devices: [6, 7], port: 8089 }] });

  expect(() => render.run(["kubernetes", "cluster", "--out", "manifests"])).toThrow(
    "manifests has 1-decode-1.yaml, which `kubectl` would apply too",
  );
});

test.each([
  [["kubernetes", "two"], "its containers are for the Docker Engines of its hosts"],
  [["compose", "cluster"], "its target is a Kubernetes cluster, and this asks Docker Engines"],
  [["kubernetes", "cluster", "--kustomize"], "fix: --out and the folder"],
  [["kubernetes", "cluster", "--form", "infer-service"], 'fix: did you mean "infer-service-set"?'],
  [["kubernetes", "cluster", "--host", "host-a"], "--host is for docker-run and compose"],
  [["compose", "two", "--out", "x"], "--form, --out and --kustomize are for kubernetes"],
])("%j is refused: it is for another target.", (args, complaint) => {
  writeClusterStack("cluster");

  expect(() => render.run(args)).toThrow(complaint);
});
