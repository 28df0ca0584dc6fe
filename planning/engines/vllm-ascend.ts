import { z } from "zod";
import { isIpv6 } from "../../rank-tables/addresses.ts";
import { found, hostOf, type Instance, isHead, type Layout } from "../layout.ts";
import type { MountPlan } from "../plan.ts";
import { ofEveryInstance, port, startTimeoutSeconds, whole } from "../stack-file/words.ts";
import { npuDevices } from "./devices.ts";
import type { Engine, OverHosts } from "./engine.ts";
import { bindAddress, optional, ownAddress } from "./flags.ts";
import { declaredFolders, folders, image } from "./folders.ts";
import type { Handoff } from "./handoff.ts";
import { hcclPorts } from "./hccl.ts";
import { imageTag, isOlder } from "./image-tag.ts";
import { containerLimits, limitsOf } from "./limits.ts";
import { connectorNames, defaultKvPort, kvPorts, type Mooncake, type Side, sizes } from "./mooncake.ts";
import { memberFlags, ownPorts, ranksOf } from "./over-hosts.ts";

const size = (what: string) => whole(1, `${what}, default 1`).default(1);

const spread = (side: Side) =>
  z
    .strictObject({
      tensorParallel: whole(
        1,
        "NPUs that share each layer, default all that the other sizes leave",
      ).optional(),
      pipelineParallel: size("groups of NPUs that have the layers one after the other; 1 for decode"),
      dataParallel: size("copies of the attention layers of a mixture-of-experts model"),
      expertParallel: z
        .boolean()
        .default(false)
        .describe("whether experts are spread over all NPUs of an instance, true or false, default false"),
      maxNumSeqs: whole(1, "sequences that an instance runs at once, default that of `model`").optional(),
      maxNumBatchedTokens: whole(1, "tokens that one step may batch, default that of `model`").optional(),
    })
    .prefault({})
    .describe(
      `how a ${side} instance is spread over its NPUs, whose number is the product of the three sizes, e.g. { tensorParallel: 4 }`,
    );

const schema = z.strictObject({
  kind: z.literal("vllm-ascend").describe("public vLLM with vllm-ascend, and Mooncake between the NPUs"),
  image: image(
    "image of vllm-ascend, present on every host or in a registry, for A3 one with -a3, e.g. quay.io/ascend/vllm-ascend:v0.23.0",
  ),
  ...folders("/vllm-workspace", "{ source: /data/cache, target: /root/.cache, readOnly: false }"),
  connector: z
    .enum(connectorNames)
    .default("MooncakeConnectorV1")
    .describe(
      "what hands KV caches over: MooncakeConnectorV1, MooncakeLayerwiseConnector, by which prefill pushes each layer to decode, which is asked first, or, for models with several kinds of cache, MooncakeHybridConnector, default MooncakeConnectorV1",
    ),
  kvPort: port(
    "port from which those for KV transfer are counted: 16 for each NPU id of a host, default 61000",
  )
    .max(65_280)
    .default(defaultKvPort),
  prefill: spread("prefill"),
  decode: spread("decode"),
  ...containerLimits("1g"),
  ...ofEveryInstance,
  startTimeoutSeconds: startTimeoutSeconds(1800),
});

/** How long prefill keeps what no decode instance fetches, in seconds, unless `engine.extraEnv` has another. */
export const kvHold = { variable: "VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT", fallback: "480" } as const;

/**
 * As the guides of vllm-ascend start it, with three differences. Each instance has a container of its own, which sees
 * only its NPUs and counts them from 0, so ASCEND_RT_VISIBLE_DEVICES stays unset. VLLM_HOST_IP says where decode finds
 * prefill, which vLLM would guess from the default route. And there is no `engine_id`: vLLM makes one at each start,
 * while decode would go on to use the memory addresses of a prefill instance that has come back under its old one.
 */
export const vllmAscend = schema.transform((declared): Engine => {
  const { kind, workDir, mounts, connector, kvPort, prefill, decode, ...rest } = declared;
  const { startTimeoutSeconds, image: name, ...extras } = rest;
  const mooncake: Mooncake = { connector, image: imageTag(name), spread: { prefill, decode }, kvPort };
  return {
    extras,
    container: (layout, instance) => ({
      image: { kind: "reference", name },
      command: [...shell, ...serveArguments(layout, instance, mooncake)],
      env: {
        ...serveEnv(layout, instance),
        // How long the head waits for the next rank; 600 seconds are too few for the weights of many.
        ...(instance.member && { VLLM_ENGINE_READY_TIMEOUT_S: String(startTimeoutSeconds) }),
        ...instance.extraEnv,
      },
      devices: npuDevices(instance.npus),
      mounts: [...driverMounts, { ...workDir, readOnly: false }, ...mounts],
      files: [],
      ...limitsOf(extras, 1024),
      restricted: false,
      readyPath: "/health",
      startTimeoutSeconds,
      stopTimeoutSeconds: 120,
    }),
    manualScheduler: { none: `engine ${kind}, whose image has none` },
    handoff: handoff(mooncake, extras.extraEnv),
    claimedPorts: (instance) => [...hcclPorts(instance), ...ownPorts(kvPort, instance)],
    // Only the scheduler has a rank table, of which it reads addresses.
    deviceIps: (npus) => Object.fromEntries(Array.from({ length: npus }, (_, npu) => [npu, "0.0.0.0"])),
    mounts: declaredFolders(workDir, mounts),
    limits: extras,
    systemMounts: driverMounts,
    imageFolders: ["/vllm-workspace", "/usr/local/Ascend/ascend-toolkit"],
    wantsEqualDeviceCounts: false,
    wantsWholePrompts: false,
    isPublic: true,
    takesNpus: true,
    needsNpus: true,
    derived,
    overHosts: overHosts(mooncake),
    mooncake,
  };
});

const readOnly = (path: string): MountPlan => ({ source: path, target: path, readOnly: true });

/** Without hccn.conf a transfer between hosts fails, and the answer is nonsense with status 200. */
export const driverMounts: readonly MountPlan[] = [
  readOnly("/usr/local/dcmi"),
  readOnly("/usr/local/Ascend/driver/tools/hccn_tool"),
  readOnly("/usr/local/bin/npu-smi"),
  readOnly("/usr/local/Ascend/driver/lib64"),
  readOnly("/usr/local/Ascend/driver/version.info"),
  readOnly("/etc/ascend_install.info"),
  readOnly("/etc/hccn.conf"),
];

/** The image's ~/.bashrc says where Mooncake's libraries are; only an interactive shell, as in the guides, reads it. */
const shell = ["bash", "-ic", 'exec vllm serve "$@"', "vllm"];

const kvRoles: Readonly<Record<Side, string>> = { prefill: "kv_producer", decode: "kv_consumer" };

const sideOf = ({ role }: Instance): Side => (role === "prefill" ? "prefill" : "decode");

const overHosts = (mooncake: Mooncake): OverHosts => ({
  rankNpus: (layout, instance) => {
    const { tensorParallel, pipelineParallel } = sizes(mooncake, layout, sideOf(instance));
    return tensorParallel * pipelineParallel;
  },
  kvPort: mooncake.kvPort,
});

function serveArguments(layout: Layout, instance: Instance, mooncake: Mooncake): string[] {
  const side = sideOf(instance);
  const { model } = layout.file;
  const { expertParallel, maxNumSeqs, maxNumBatchedTokens } = mooncake.spread[side];
  const { tensorParallel, pipelineParallel, dataParallel } = sizes(mooncake, layout, side);
  // The connector adds the NPUs of all ranks before its own, those of other hosts too.
  const npusBefore =
    instance.member === undefined
      ? 0
      : ranksOf(overHosts(mooncake), layout, instance).first * tensorParallel * pipelineParallel;
  const several = (flag: string, count: number) => optional(flag, count > 1 ? String(count) : undefined);
  const kvTransfer = {
    kv_connector: mooncake.connector,
    kv_role: kvRoles[side],
    kv_port: kvPorts(mooncake.kvPort, instance).first - npusBefore,
    kv_connector_extra_config: {
      prefill: connectorSizes(sizes(mooncake, layout, "prefill")),
      decode: connectorSizes(sizes(mooncake, layout, "decode")),
    },
  };
  return [
    model.path,
    ...(isHead(instance) ? [`--host=${bindAddress(layout, instance)}`, `--port=${instance.port}`] : []),
    `--served-model-name=${model.servedName}`,
    `--tensor-parallel-size=${tensorParallel}`,
    ...several("--pipeline-parallel-size", pipelineParallel),
    ...(instance.member === undefined
      ? several("--data-parallel-size", dataParallel)
      : memberFlags(overHosts(mooncake), layout, instance)),
    ...(expertParallel ? ["--enable-expert-parallel"] : []),
    `--max-model-len=${model.maxModelLen}`,
    `--max-num-seqs=${maxNumSeqs ?? model.maxNumSeqs}`,
    `--max-num-batched-tokens=${maxNumBatchedTokens ?? model.maxNumBatchedTokens}`,
    ...optional("--quantization", model.quantization),
    `--kv-transfer-config=${JSON.stringify(kvTransfer)}`,
    ...instance.extraArgs,
  ];
}

function connectorSizes({ tensorParallel, pipelineParallel, dataParallel }: ReturnType<typeof sizes>) {
  const layers = pipelineParallel > 1 && { pp_size: pipelineParallel };
  return { dp_size: dataParallel, tp_size: tensorParallel, ...layers };
}

function serveEnv(layout: Layout, instance: Instance): Record<string, string> {
  const host = hostOf(layout, instance);
  const address = ownAddress(layout, instance);
  const carrier = found(host.interface);
  return {
    VLLM_HOST_IP: address,
    HCCL_IF_IP: address,
    HCCL_SOCKET_IFNAME: carrier,
    ...(isIpv6(address) && { HCCL_SOCKET_FAMILY: "AF_INET6" }),
    GLOO_SOCKET_IFNAME: carrier,
    TP_SOCKET_IFNAME: carrier,
    OMP_PROC_BIND: "false",
    OMP_NUM_THREADS: "10",
    PYTORCH_NPU_ALLOC_CONF: "expandable_segments:True",
    [kvHold.variable]: kvHold.fallback,
  };
}

const sizesPlace = "engine.prefill and engine.decode";
const carrierPlace = "`interface` of its host";

const derived: Engine["derived"] = {
  args: {
    "kv-transfer-config": "engine.connector, engine.kvPort and the sizes of both roles",
    "tensor-parallel-size": sizesPlace,
    "pipeline-parallel-size": sizesPlace,
    "data-parallel-size": sizesPlace,
    "prefill-context-parallel-size": sizesPlace,
    "enable-expert-parallel": sizesPlace,
    "metaserver-host": "the `address` of the scheduler's host",
  },
  env: {
    VLLM_HOST_IP: "the `address` of its host",
    HCCL_IF_IP: "the `address` of its host",
    HCCL_SOCKET_FAMILY: "the `address` of its host",
    HCCL_SOCKET_IFNAME: carrierPlace,
    GLOO_SOCKET_IFNAME: carrierPlace,
    TP_SOCKET_IFNAME: carrierPlace,
  },
};

/** MooncakeConnectorV1 tells prefill of a request that decode rejects from vllm-ascend 0.26 on. */
function handoff({ connector, image }: Mooncake, extraEnv: Readonly<Record<string, string>>): Handoff {
  // Prefill pushes, and keeps nothing.
  if (connector === "MooncakeLayerwiseConnector") return { handoff: "kv-params", "kv-connector": connector };
  const rejects =
    connector === "MooncakeConnectorV1" && image.version !== undefined && !isOlder(image, [0, 26]);
  return {
    handoff: "kv-params",
    "kv-connector": "MooncakeConnectorV1",
    "kv-lease": extraEnv[kvHold.variable] ?? kvHold.fallback,
    ...(rejects && { "kv-release": "reject" }),
  };
}
