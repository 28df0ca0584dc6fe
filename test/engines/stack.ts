import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { runPulumi } from "../../cli/pulumi.ts";
import { openStack } from "../../cli/stack.ts";
import { readStackFile } from "../../cli/stack-file.ts";
import { defaultHost } from "../../docker/api.ts";
import { endProcessesNaming } from "../../system/processes.ts";
import type { Context } from "../../toolchain/context.ts";
import { findDockerEngine } from "../../toolchain/docker-engine.ts";
import { ensureToolchain } from "../../toolchain/toolchain.ts";
import { ensureVllmImage } from "../../toolchain/vllm/image.ts";
import { stopIdleEngine } from "../idle-engine.ts";
import { when } from "./proving.ts";
import { START_LIMIT_MS } from "./rig.ts";
import { isHealthy, type System } from "./systems.ts";

export const STACK = "vllm-cpu-1p1d";
const MODEL_FOLDER = "/data/tiny";

/** Ports that no stack of stacks/ and no other test has. */
const PORTS = { prefill: 18300, decode: 18301, scheduler: 18302 };

/** That stack, with what the plain instance has of model and arguments. */
function deploymentWith(model: string) {
  const { engine, prefill, decode, scheduler, ...rest } = readStackFile(STACK).deployment as Record<
    string,
    object
  > & { readonly prefill: readonly object[]; readonly decode: readonly object[] };
  return {
    ...rest,
    engine: {
      ...engine,
      models: { source: model, target: MODEL_FOLDER },
      extraArgs: ["--dtype=float32", "--enable-auto-tool-choice", "--tool-call-parser=hermes"],
      extraEnv: { VLLM_ENABLE_RESPONSES_API_STORE: "1" },
    },
    model: { ...rest.model, path: MODEL_FOLDER },
    prefill: prefill.map((one) => ({ ...one, port: PORTS.prefill })),
    decode: decode.map((one) => ({ ...one, port: PORTS.decode })),
    scheduler: { ...scheduler, port: PORTS.scheduler },
  };
}

/** As `pulumi up` brings it up, in containers on the machine's Docker Engine; `stop` is a `pulumi destroy`. */
export async function startStack(context: Context, model: string): Promise<System> {
  const before = await findDockerEngine();
  const toolchain = await ensureToolchain(context, { engine: true });
  const env = { ...process.env, ...toolchain.env };
  const engine = env.DOCKER_HOST || defaultHost;
  await ensureVllmImage(context, engine);
  const state = await mkdtemp(join(tmpdir(), "ascend-pd-engines-stack-"));
  const file = stringify({ config: { "ascend-pd:deployment": deploymentWith(model) } });
  const stack = await openStack("engines-1p1d", file, state, env);
  const pulumi = async (command: string) => {
    const args = [command, "--yes", "--skip-preview", ...stack.args];
    const { code, errors } = await runPulumi(args, stack.env, () => {});
    if (code !== 0) throw new Error(`pulumi ${command} failed: ${errors.join("\n")}`);
  };
  const stop = async () => {
    await pulumi("destroy");
    await endProcessesNaming(state);
    await rm(state, { recursive: true });
    if (before === undefined) await stopIdleEngine(context, engine);
  };
  context.say(`pulumi up of ${STACK}, with the plain instance's model`);
  try {
    await pulumi("up");
  } catch (error) {
    await stop();
    throw error;
  }
  const url = (role: keyof typeof PORTS) => `http://127.0.0.1:${PORTS[role]}`;
  return {
    prefill: url("prefill"),
    decode: url("decode"),
    scheduler: url("scheduler"),
    stop,
    // The Docker Engine starts a container that has ended again.
    async mended() {
      const down: ("prefill" | "decode")[] = [];
      for (const role of ["prefill", "decode"] as const) if (!(await isHealthy(url(role)))) down.push(role);
      for (const role of down) await when(() => isHealthy(url(role)), START_LIMIT_MS);
      return down;
    },
  };
}
