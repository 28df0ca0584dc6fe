import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { wantedHosts } from "../../host-checks/wanted.ts";
import { plan } from "../make-plan.ts";
import { stackFileJsonSchema, stackFileSchemaOf } from "../read-stack-file.ts";
import { madeUp } from "../testing/made-up-engine.ts";
import { type Changes, changedInput } from "../testing/sample-input.ts";
import type { Engine } from "./engine.ts";
import { type EngineKinds, engineKinds } from "./index.ts";

/** All that a new kind takes: its object, and its place in the list. */
const schema = stackFileSchemaOf([...engineKinds, madeUp]);

const weights = { source: "/data/models", target: "/data/models" };

function planOf(changes: Changes) {
  const engine = { kind: "made-up", weights: { ...weights }, firstPort: 20000 };
  return plan("s", changedInput({ engine, "hosts.host-a.deviceIps.5": undefined, ...changes }), schema);
}

function planned(changes: Changes = {}) {
  const result = planOf(changes);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

test("A kind in the list is one of those that the schema has and that messages name.", () => {
  const result = planOf({ "engine.kind": "mad-up" });

  expect(result).toEqual({
    problems: [
      {
        code: "PD003",
        severity: "error",
        path: "engine.kind",
        message: '"mad-up" is not one of ascendcloud, vllm-ascend, vllm, simulated, made-up',
        fix: 'did you mean "made-up"?',
      },
    ],
  });
  expect(stackFileJsonSchema(schema).properties?.engine).toMatchObject({
    oneOf: [{}, {}, {}, {}, { properties: { kind: { const: "made-up" }, firstPort: { minimum: 1024 } } }],
    description: expect.stringMatching(
      /, `kind: ascendcloud` or `kind: vllm-ascend` or `kind: vllm` or `kind: simulated` or `kind: made-up`$/,
    ),
  });
});

test("An engine's instances run what it says, and our scheduler is told of its handoff.", () => {
  const { plan, warnings } = planned({
    "engine.extraEnv": { A: "1" },
    "engine.secretEnv": ["TOKEN"],
    "decode[0].extraArgs": ["--seed=1"],
  });

  expect(warnings).toEqual([]);
  const [prefill, , decode, , scheduler] = plan.containers;
  expect(prefill).toMatchObject({
    image: { name: "made-up:1" },
    env: { A: "1" },
    secretEnv: ["TOKEN"],
    readyPath: "/ready",
    files: [],
  });
  expect(decode?.command).toEqual(expect.arrayContaining(["serve", "--port=8089", "--seed=1"]));
  expect(scheduler?.command).toContain("--handoff=plain");
  expect(scheduler?.files).toHaveLength(3);
});

test("An engine gives device IPs to NPUs that have none in the stack file.", () => {
  const { rankTables } = planned().plan;

  expect(rankTables.local[0]?.content).toContain('"198.18.0.5"');
  expect(rankTables.local[1]?.content).toContain('"29.0.1.23"');
});

const inImage = { source: "/data/models", target: "/opt/image/models" };

test.each<[string, Changes, string]>([
  ["PD105", { "decode[0].devices": [6], "decode[1].devices": [6] }, "1 NPU on host-a while prefill[0] has 2"],
  ["PD111", { "scheduler.port": 20001 }, "port 20001 on host-a is one of KV's, 20000 to 20001"],
  ["PD122", { "hosts.host-a.deviceIps.4": undefined }, "NPU 4, which prefill[0] uses, is not among them"],
  ["PD131", { "engine.extraArgs": ["--port=1"] }, "--port is derived from its `port`"],
  [
    "PD141",
    { "engine.weights": inImage, "model.path": "/opt/image/models/qwen" },
    '"/opt/image/models" hides or lies in /opt/image, where the image lives',
  ],
  [
    "PD142",
    { "engine.weights.target": "/driver", "model.path": "/driver/qwen" },
    '"/driver" hides or lies in /driver',
  ],
  ["PD143", { "model.path": "/qwen" }, '"/qwen" is in none of the folders that are mounted: /data/models'],
  [
    "PD160",
    { "scheduler.runtime": "ascendcloud" },
    "runtime ascendcloud with engine made-up, which is younger than the manual",
  ],
])("%s asks the engine.", (code, changes, message) => {
  const result = planOf(changes);

  expect("problems" in result ? result.problems : result.warnings).toMatchObject([{ code, message }]);
});

test("A host must have what the engine's containers need of it, and keep free the ports that it claims.", () => {
  const [host] = wantedHosts(planned());

  expect(host).toMatchObject({
    images: ["made-up:1"],
    npus: [{ id: 4, deviceIp: "29.0.0.22" }, { id: 5, deviceIp: undefined }, { id: 6 }, { id: 7 }],
    mounts: [
      { source: "/usr/local/Ascend/driver", kind: "folder" },
      { source: "/data/models", kind: "folder" },
    ],
    model: { path: "/data/models/qwen2.5-7b" },
  });
  expect(host?.ports).toContainEqual({ owner: "KV", first: 20000, last: 20001, isEngines: true });
});

test("An engine says everything that depends on its kind, or it does not compile.", () => {
  const whole = (engine: Engine): Required<Engine> => engine;
  const { needsNpus: _, ...rest } = planned().topology.engine;
  // @ts-expect-error: it does not say whether it needs NPUs.
  const incomplete: Engine = rest;
  const kind = z.strictObject({ kind: z.literal("incomplete") });
  // @ts-expect-error: nor does what this one makes.
  const kinds: EngineKinds = [kind.transform(() => rest)];

  expect(whole(incomplete)).not.toHaveProperty("needsNpus");
  expect(kinds).toHaveLength(1);
});

test("No kind is left to ask for once a stack file is read, and nobody reads it before.", () => {
  const names = engineKinds.map((kind) => kind.in.shape.kind.value).join("|");
  const asks = new RegExp(
    // An API has that name too.
    `(?<!\\bapi [!=])[!=]=\\s*["'](${names})["']|case ["'](${names})["']|engine\\)?\\??\\.kind\\b(?! to )`,
  );
  const sources = globSync("{*,!(node_modules)/**/*}.ts").filter(
    (path) => !/\.test\.ts$|testing\/|^test\/reliability\//.test(path),
  );

  const asking = sources.filter((path) => asks.test(readFileSync(path, "utf8")));

  expect(sources).toContain("planning/rules/runtime-has-image.ts");
  expect(asking).toEqual([]);
  // @ts-expect-error: an engine has none.
  expect(planned().topology.engine.kind).toBeUndefined();
});
