import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readStackFile } from "../../cli/stack-file.ts";
import { engineSchema } from "../../planning/engines/index.ts";
import { plan as makePlan } from "../../planning/make-plan.ts";
import type { ContainerPlan, Plan } from "../../planning/plan.ts";
import { type Changes, changedInput, onVllmAscend } from "../../planning/testing/sample-input.ts";
import { run } from "../../system/programs.ts";
import type { Context } from "../../toolchain/context.ts";
import { installedAscend, PAIRS, type Pair } from "./ascend-packages.ts";

/*
 * Whether vllm-ascend's engines take what Plans start them with: each container's command, as its shell hands it on, goes
 * through the parsers of vLLM and vllm-ascend, and what they make of it is what the stack file says.
 */

export interface ArgumentProof {
  readonly versions: Readonly<Record<string, string>>;
  /** What of vllm-ascend does not import here, and why. */
  readonly unimportable: Readonly<Record<string, string>>;
  readonly commands: number;
  readonly flagsRefused: number;
  readonly wrong: readonly string[];
}

/** What is read of a stack file to say what its engines should be told. */
interface Deployment {
  readonly engine: Partial<Record<"prefill" | "decode", Side>> & {
    readonly connector?: string;
    readonly kvPort?: number;
  };
  readonly model: Record<"path" | "servedName", string> &
    Record<"maxModelLen" | "maxNumSeqs" | "maxNumBatchedTokens", number> & { readonly quantization?: string };
  readonly hosts: Readonly<Record<string, { readonly address: string }>>;
  readonly prefill: readonly Placed[];
  readonly decode: readonly Placed[];
}

interface Side {
  readonly tensorParallel?: number;
  readonly pipelineParallel?: number;
  readonly dataParallel?: number;
  readonly expertParallel?: boolean;
  readonly maxNumSeqs?: number;
  readonly maxNumBatchedTokens?: number;
}

interface Placed {
  readonly devices?: readonly number[];
  readonly hosts?: readonly { readonly host: string; readonly devices: readonly number[] }[];
  readonly port: number;
}

interface Reading {
  readonly error?: string;
  readonly parsed?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}

interface Told {
  readonly versions: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, string>>;
  readonly unimportable: Readonly<Record<string, string>>;
  readonly readings: readonly Reading[];
}

interface Vector {
  readonly name: string;
  readonly container: ContainerPlan;
  readonly expected: Reading;
}

const STACKS = ["vllm-ascend-1p1d", "vllm-ascend-2p2d-two-hosts", "vllm-ascend-4p1d-eight-hosts"];

/** Every connector that a Plan may have, with every spread, with and without what a stack file adds. */
const CONNECTORS = ["MooncakeConnectorV1", "MooncakeHybridConnector"];
const SPREADS: Readonly<Record<string, Changes>> = {
  "tensor parallel": {},
  "pipeline parallel": {
    "engine.prefill": { tensorParallel: 1, pipelineParallel: 2 },
    "engine.decode": { tensorParallel: 1, dataParallel: 2, expertParallel: true },
  },
  "decode data parallel": {
    "engine.decode": { tensorParallel: 1, dataParallel: 2, expertParallel: true, maxNumSeqs: 40 },
  },
  "both data parallel": {
    "engine.prefill": { dataParallel: 2, expertParallel: true, maxNumBatchedTokens: 4097 },
    "engine.decode": { dataParallel: 2, expertParallel: true },
  },
  "decode over two hosts": {
    "engine.decode": { tensorParallel: 1, dataParallel: 3, expertParallel: true },
    decode: [
      {
        hosts: [
          { host: "host-b", devices: [6, 7] },
          { host: "host-a", devices: [7] },
        ],
        port: 8089,
      },
    ],
  },
};
const NOTHING = "nothing";
const ADDED: Readonly<Record<string, Changes>> = {
  [NOTHING]: { "model.quantization": "ascend" },
  "arguments and variables": {
    "engine.kvPort": 30000,
    "engine.extraArgs": ["--seed=1024", "--no-enable-prefix-caching", "-O3"],
    "engine.extraEnv": { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: "60" },
  },
};

export async function proveArguments(
  context: Context,
  venv: string,
): Promise<Readonly<Record<string, ArgumentProof>>> {
  const all: Record<string, ArgumentProof> = {};
  for (const pair of PAIRS) all[`vllm-ascend ${pair.ascend}`] = await proveFor(context, venv, pair);
  return all;
}

async function proveFor(context: Context, venv: string, pair: Pair): Promise<ArgumentProof> {
  const packages = await installedAscend(context, pair);
  const vectors = [
    ...STACKS.flatMap((name) => vectorsOf(name, readStackFile(name).deployment)),
    ...CONNECTORS.flatMap((connector) =>
      Object.entries(SPREADS).flatMap(([spread, changes]) =>
        Object.entries(ADDED).flatMap(([added, more]) =>
          vectorsOf(
            `${connector}, ${spread}, with ${added} added`,
            changedInput({ ...onVllmAscend(), "engine.connector": connector, ...changes, ...more }),
          ),
        ),
      ),
    ),
  ];
  const told = await read(venv, packages, vectors);
  const wrong = vectors.flatMap(({ name, expected }, index) =>
    differences(expected, told.readings[index] ?? {}).map((one) => `${name}: ${one}`),
  );
  const derived = flagsOfPlans(vectors, told);
  return {
    versions: told.versions,
    unimportable: told.unimportable,
    commands: vectors.length,
    flagsRefused: derived.length,
    wrong: [...wrong, ...derived.filter(isTaken).map((flag) => `extraArgs may have ${flag}`)],
  };
}

function vectorsOf(name: string, deployment: unknown): Vector[] {
  const { containers } = planned(name, deployment);
  return containers.flatMap((container) =>
    container.role === "scheduler"
      ? []
      : [
          {
            name: `${container.name} of ${name}`,
            container,
            expected: expectedOf(deployment as Deployment, container, containers),
          },
        ],
  );
}

function planned(name: string, deployment: unknown): Plan {
  const result = makePlan("args", deployment);
  if ("plan" in result) return result.plan;
  throw new Error(`${name} has no Plan: ${JSON.stringify(result.problems)}`);
}

function expectedOf(
  { engine, model, hosts, ...lists }: Deployment,
  { role, name, command, member }: ContainerPlan,
  containers: readonly ContainerPlan[],
): Reading {
  const own = role === "prefill" ? "prefill" : "decode";
  const sizes = (side: "prefill" | "decode") => {
    const { dataParallel: dp = 1, pipelineParallel: pp = 1, tensorParallel: tp } = engine[side] ?? {};
    return { dp, pp, tp: tp ?? partsOf(lists[side][0]).flatMap((part) => part.devices).length / dp / pp };
  };
  const place = lists[own][Number((member?.of ?? name).at(-1))];
  const parts = partsOf(place);
  const devices = parts[member?.index ?? 0]?.devices ?? [];
  const before = parts.slice(0, member?.index ?? 0).flatMap((part) => part.devices).length;
  const first = (engine.kvPort ?? 61000) + 16 * (devices[0] ?? 0);
  const { tp, pp, dp } = sizes(own);
  const [head] = parts;
  const [prefill, decode] = [sizes("prefill"), sizes("decode")];
  const lease = containers.at(-1)?.command.find((one) => one.startsWith("--kv-lease="));
  const side = engine[own] ?? {};
  return {
    parsed: {
      model_tag: model.path,
      ...(member === undefined || member.index === 0
        ? { host: "0.0.0.0", port: place?.port }
        : { headless: true }),
      ...(model.quantization !== undefined && { quantization: model.quantization }),
      ...(command.includes("--seed=1024") && { seed: 1024 }),
    },
    config: {
      served_model_name: model.servedName,
      max_model_len: model.maxModelLen,
      max_num_seqs: side.maxNumSeqs ?? model.maxNumSeqs,
      max_num_batched_tokens: side.maxNumBatchedTokens ?? model.maxNumBatchedTokens,
      tensor_parallel_size: tp,
      pipeline_parallel_size: pp,
      data_parallel_size: dp,
      data_parallel_size_local: devices.length / tp / pp,
      data_parallel_rank: before / tp / pp,
      ...(member !== undefined && {
        data_parallel_master_ip: hosts[head?.host ?? ""]?.address,
        data_parallel_rpc_port: (engine.kvPort ?? 61000) + 16 * (head?.devices.at(-1) ?? 0) + 15,
      }),
      enable_expert_parallel: side.expertParallel ?? false,
      kv_connector: engine.connector ?? "MooncakeConnectorV1",
      kv_role: own === "prefill" ? "kv_producer" : "kv_consumer",
      sizes: {
        prefill_tp_size: prefill.tp,
        prefill_dp_size: prefill.dp,
        prefill_pp_size: prefill.pp,
        decode_tp_size: decode.tp,
        decode_dp_size: decode.dp,
        decode_pp_size: 1,
        prefill_pp_layer_partition: null,
      },
      ports: devices.map((_, rank) => first + rank),
      unread: [],
    },
    env: { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: Number(lease?.split("=")[1]) },
  };
}

/** Where an instance is: on one host, or a part on each of several. */
function partsOf(
  place: Placed | undefined,
): readonly { readonly host: string; readonly devices: readonly number[] }[] {
  return place?.hosts ?? [{ host: "", devices: place?.devices ?? [] }];
}

function differences(expected: Reading, { error, ...found }: Reading): string[] {
  if (error !== undefined) return [error];
  return (["parsed", "config", "env"] as const).flatMap((part) =>
    Object.entries(expected[part] ?? {})
      .filter(([key, value]) => !isDeepStrictEqual(found[part]?.[key], value))
      .map(([key, value]) => `${key} is ${JSON.stringify(found[part]?.[key])}, not ${JSON.stringify(value)}`),
  );
}

/** Every way to write what Plans tell engines, or would with other sizes. */
function flagsOfPlans(vectors: readonly Vector[], { flags, readings }: Told): string[] {
  const told = readings.flatMap(({ parsed = {} }, index) =>
    vectors[index]?.name.includes(`with ${NOTHING} added`) ? Object.keys(parsed) : [],
  );
  const engine = engineSchema.parse(changedInput(onVllmAscend()).engine);
  const derived = Object.keys(engine.derived.args).map((flag) => flag.replaceAll("-", "_"));
  const destinations = new Set([...told, ...derived]);
  return Object.entries(flags).flatMap(([flag, destination]) =>
    destinations.has(destination) ? [flag] : [],
  );
}

function isTaken(flag: string): boolean {
  const result = makePlan("args", changedInput({ ...onVllmAscend(), "engine.extraArgs": [flag] }));
  return !("problems" in result && result.problems.some(({ code }) => code === "PD131"));
}

/** Runs every command in the shell that it names, with a `vllm` that only says what it is given, and has that parsed. */
async function read(venv: string, packages: string, vectors: readonly Vector[]): Promise<Told> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-arguments-"));
  try {
    const teller = join(folder, "vllm");
    await writeFile(teller, '#!/bin/sh\nprintf "%s\\0" "$@"\n');
    await chmod(teller, 0o755);
    const input: { arguments: string[]; env: ContainerPlan["env"] }[] = [];
    for (const { container } of vectors)
      input.push({ arguments: await handedOn(container.command, folder), env: container.env });
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      PYTHONPATH: packages,
      // Else the platform of vllm-ascend is loaded, which needs torch_npu.
      VLLM_PLUGINS: "",
      HF_HUB_OFFLINE: "1",
      VLLM_NO_USAGE_STATS: "1",
    };
    const script = join(import.meta.dirname, "parse.py");
    const told = await run(join(venv, "bin/python"), [script], { env, input: JSON.stringify(input) });
    return JSON.parse(told);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function handedOn([program = "", ...args]: readonly string[], folder: string): Promise<string[]> {
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };
  // An interactive shell would take the terminal, so it is given none.
  const told = await run(program, args, { env, detached: true });
  return told.split("\0").slice(0, -1);
}
