import { expect, test } from "vitest";
import { wantedHosts } from "../../host-checks/wanted.ts";
import { plan } from "../make-plan.ts";
import { type Changes, changedInput } from "../testing/sample-input.ts";

const without: Changes = Object.fromEntries(
  ["prefill[0]", "prefill[1]", "decode[0]", "decode[1]"].map((path) => [`${path}.devices`, undefined]),
);

const planOf = (changes: Changes = {}) =>
  plan("s", changedInput({ engine: { kind: "vllm" }, ...without, ...changes }));

function planned(changes: Changes = {}) {
  const result = planOf(changes);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

test("An instance serves its role's half of a NixlConnector, without an NPU, a device IP or a rank table.", () => {
  const { plan, warnings } = planned({ "hosts.host-a.deviceIps": undefined });

  expect(warnings).toEqual([]);
  const [prefill, , decode, , scheduler] = plan.containers;
  expect(prefill).toMatchObject({
    image: { kind: "assembled" },
    npus: [],
    devices: [],
    files: [],
    mounts: [],
    env: { VLLM_NIXL_SIDE_CHANNEL_HOST: "10.0.0.18", VLLM_NIXL_SIDE_CHANNEL_PORT: "9088" },
  });
  expect(prefill?.command[0]).toBe("/data/models/qwen2.5-7b");
  expect(prefill?.command).toEqual(expect.arrayContaining(["--host=0.0.0.0", "--port=8088"]));
  expect([prefill, decode].map((one) => kvTransferOf(one?.command))).toMatchObject([
    { kv_connector: "NixlConnector", kv_role: "kv_producer", kv_buffer_device: "cpu" },
    { kv_connector: "NixlConnector", kv_role: "kv_consumer", kv_buffer_device: "cpu" },
  ]);
  // What the scheduler does unasked is what public vLLM wants.
  expect(scheduler?.command.filter((flag) => flag.startsWith("--handoff"))).toEqual([]);
});

test("A given image is the host's or a registry's, and a folder of models is mounted for reading.", () => {
  const models = { source: "/data/models", target: "/models" };

  const result = planned({
    "engine.image": "vllm-cpu:1",
    "engine.models": models,
    "model.path": "/models/qwen",
    "decode[0].extraArgs": ["--dtype=float32"],
  });

  const [prefill, , decode] = result.plan.containers;
  expect(prefill?.image).toEqual({ kind: "reference", name: "vllm-cpu:1" });
  expect(prefill?.mounts).toEqual([{ ...models, readOnly: true }]);
  expect(decode?.command.at(-1)).toBe("--dtype=float32");
  expect(wantedHosts(result)[0]).toMatchObject({ images: ["vllm-cpu:1"], npus: [], nodes: [] });
});

test.each([8088, 64_535, 64_536, 65_535])(
  "The side channel of port %i is another port that anybody may have.",
  (port) => {
    const [first] = planned({ "prefill[0].port": port }).plan.containers;
    const sideChannel = Number(first?.env.VLLM_NIXL_SIDE_CHANNEL_PORT);

    expect(sideChannel).not.toBe(port);
    expect(sideChannel).toBeGreaterThanOrEqual(1024);
    expect(sideChannel).toBeLessThanOrEqual(65_535);
  },
);

test.each<[string, Changes, string]>([
  ["PD107", { "decode[0].devices": [6] }, "its engine runs on the CPUs of host-a, and on no NPU"],
  ["PD111", { "scheduler.port": 9089 }, "port 9089 on host-a is one of NIXL's, 9089 to 9089"],
  [
    "PD131",
    { "engine.extraArgs": ["--kv-transfer-config={}"] },
    "--kv-transfer-config is derived from the list",
  ],
  ["PD132", { "engine.extraEnv": { VLLM_NIXL_SIDE_CHANNEL_PORT: "5600" } }, "is derived from its `port`"],
  ["PD130", { "model.maxModelLen": 8192 }, "4096 is below maxModelLen, 8192"],
  ["PD138", { "prefill[0].batchingPolicy": "gtsf" }, "gtsf is a policy that this engine has not"],
  ["PD163", { "scheduler.useOpenai": false }, "does not serve vLLM's own /generate"],
  ["PD160", { "scheduler.runtime": "ascendcloud" }, "runtime ascendcloud with engine vllm"],
])("%s asks the engine.", (code, changes, message) => {
  const result = planOf(changes);

  expect("problems" in result ? result.problems : []).toMatchObject([
    { code, message: expect.stringContaining(message) },
  ]);
});

function kvTransferOf(command: readonly string[] = []) {
  const flag = "--kv-transfer-config=";
  return JSON.parse(command.find((one) => one.startsWith(flag))?.slice(flag.length) ?? "null");
}
