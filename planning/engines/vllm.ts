import { z } from "zod";
import type { Instance, Layout } from "../layout.ts";
import { ofEveryInstance, startTimeoutSeconds, text } from "../stack-file/words.ts";
import type { Engine } from "./engine.ts";
import { bindAddress, optional, ownAddress } from "./flags.ts";
import { kvParams } from "./handoff.ts";
import { containerLimits, limitsOf } from "./limits.ts";

const schema = z.strictObject({
  kind: z.literal("vllm").describe("public vLLM on the hosts' CPUs, with NIXL; needs no NPU"),
  image: z
    .string()
    .regex(/^[a-zA-Z0-9][\w./:@-]*$/, { error: "is not an image's name or id" })
    .describe(
      "image of public vLLM for CPUs with NIXL in it and `vllm serve` as entry point, present on every host or in a registry, default one that is assembled from Debian packages and PyPI, with a tiny model of random weights at /models/tiny",
    )
    .optional(),
  models: z
    .strictObject({
      source: text("absolute folder of the host, which must exist, e.g. /data/models"),
      target: text("absolute place in the container, e.g. /data/models"),
    })
    .describe("folder with the model weights, mounted read-only into every instance, default none")
    .optional(),
  ...containerLimits("Docker's 64m"),
  ...ofEveryInstance,
  startTimeoutSeconds: startTimeoutSeconds(900),
});

/** What toolchain/vllm/ assembles; its name changes with its content, and a test holds the two together. */
export const assembledImage = "ascend-pd/vllm:0.32.0-8bec5bc1afb0";

/**
 * Public vLLM with NixlConnector, which fetches KV caches by way of the hosts' memory. As it works on two cores: no
 * process and no thread more than it needs, no compiler, and prompts computed whole, since a seeded request whose prompt
 * is computed in pieces ends vLLM 0.32 on CPUs.
 */
export const vllm = schema.transform(
  ({ kind, image, models, startTimeoutSeconds, ...extras }): Engine => ({
    extras,
    container: (layout, instance) => ({
      image:
        image === undefined
          ? { kind: "assembled", name: assembledImage }
          : { kind: "reference", name: image },
      command: serveArguments(layout, instance),
      env: { ...env(layout, instance), ...instance.extraEnv },
      devices: [],
      mounts: models === undefined ? [] : [{ ...models, readOnly: true }],
      files: [],
      ...limitsOf(extras),
      restricted: true,
      readyPath: "/health",
      startTimeoutSeconds,
      stopTimeoutSeconds: 30,
    }),
    manualScheduler: { none: `engine ${kind}, which has no image for it` },
    handoff: kvParams,
    claimedPorts: (instance) => {
      const port = sideChannelPort(instance);
      return [{ owner: "NIXL", first: port, last: port }];
    },
    deviceIps: () => ({}),
    mounts: models === undefined ? [] : [{ path: "engine.models", isFolder: true, ...models }],
    limits: extras,
    systemMounts: [],
    imageFolders: ["/usr"],
    wantsEqualDeviceCounts: false,
    wantsWholePrompts: true,
    isPublic: true,
    takesNpus: false,
    needsNpus: false,
    derived,
    overHosts: { none: `engine ${kind}, of which an instance is one process` },
    mooncake: undefined,
  }),
);

const oneProcess = "the number of instances, each of one process";

const derived: Engine["derived"] = {
  args: {
    "kv-transfer-config": "the list that declares it, `prefill` or `decode`",
    "tensor-parallel-size": oneProcess,
    "pipeline-parallel-size": oneProcess,
    "data-parallel-size": oneProcess,
  },
  env: {
    VLLM_NIXL_SIDE_CHANNEL_HOST: "the `address` of its host",
    VLLM_NIXL_SIDE_CHANNEL_PORT: "its `port`",
  },
};

const kvRoles = { prefill: "kv_producer", decode: "kv_consumer" };

function serveArguments(layout: Layout, instance: Instance): string[] {
  const role = instance.role === "prefill" ? "prefill" : "decode";
  const kvTransfer = {
    kv_connector: "NixlConnector",
    kv_role: kvRoles[role],
    kv_buffer_device: "cpu",
    kv_connector_extra_config: { num_threads: 0 },
  };
  const { model } = layout.file;
  return [
    model.path,
    `--served-model-name=${model.servedName}`,
    `--host=${bindAddress(layout, instance)}`,
    `--port=${instance.port}`,
    `--max-model-len=${model.maxModelLen}`,
    `--max-num-seqs=${model.maxNumSeqs}`,
    `--max-num-batched-tokens=${model.maxNumBatchedTokens}`,
    ...optional("--quantization", model.quantization),
    `--kv-transfer-config=${JSON.stringify(kvTransfer)}`,
    // Tokens; NIXL wants the same on both sides, and attention on CPUs a multiple of 32.
    "--block-size=32",
    "--enforce-eager",
    "--no-enable-chunked-prefill",
    "--distributed-executor-backend=vllm.v1.executor.uniproc_executor.UniProcExecutor",
    ...instance.extraArgs,
  ];
}

function env(layout: Layout, instance: Instance): Record<string, string> {
  return {
    HF_HUB_OFFLINE: "1",
    OMP_NUM_THREADS: "1",
    // Else log probabilities are counted by a function that is compiled when first called, which ends an engine without g++.
    TORCH_COMPILE_DISABLE: "1",
    UCX_TLS: "tcp,self,sm",
    VLLM_CPU_KVCACHE_SPACE: "1",
    VLLM_CPU_OMP_THREADS_BIND: "nobind",
    VLLM_NIXL_SIDE_CHANNEL_HOST: ownAddress(layout, instance),
    VLLM_NIXL_SIDE_CHANNEL_PORT: String(sideChannelPort(instance)),
    VLLM_NO_USAGE_STATS: "1",
  };
}

/** Where decode instances find a prefill's NIXL: of each port another, and one that any user may listen on. */
const sideChannelPort = ({ port }: Instance): number => 1024 + ((port - 1024 + 1000) % (65536 - 1024));
