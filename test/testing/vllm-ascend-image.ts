import { spawn } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expectEngine } from "../../docker/api.ts";
import { onPath, run } from "../../system/programs.ts";

/** Starts the simulator with what of `vllm serve` it has; what it lacks is about NPUs. */
const VLLM = `#!/bin/bash
exec node /app/as-vllm.mjs "$@"
`;
const AS_VLLM = `
const [serve, model, ...flags] = process.argv.slice(2);
if (serve !== "serve") throw new Error("only serve: " + serve);
const SIZES = /^--(pipeline-parallel-size|enable-expert-parallel|kv-transfer-config)(=|$)/;
const given = flags.find((flag) => flag.startsWith("--kv-transfer-config="));
const { kv_role, kv_connector } = JSON.parse(given.slice(given.indexOf("=") + 1));
const role = { kv_producer: "prefill", kv_consumer: "decode" }[kv_role];
const own = ["--role=" + role, "--kv-connector=" + kv_connector, "--kv-host=" + process.env.VLLM_HOST_IP];
process.argv.splice(2, Infinity, "--model=" + model, ...own, ...flags.filter((flag) => !SIZES.test(flag)));
await import("/app/simulator/main.ts");
`;

/**
 * Puts an image of the name of vllm-ascend's own into an engine of this machine: a shell, and a `vllm` that is the simulator.
 * Plans run in it unchanged.
 */
export async function importVllmAscend(engine: string, name: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "ascend-pd-vllm-ascend-"));
  try {
    const bash = (await onPath("bash")) ?? "/bin/bash";
    for (const [program, place] of [
      [bash, "/bin/bash"],
      [process.execPath, "/usr/bin/node"],
    ] as const) {
      const libraries = (await run("ldd", [program])).match(/\/\S+/g) ?? [];
      await put(program, root + place);
      for (const library of libraries.filter((one) => one.includes(".so")))
        await put(library, root + library);
    }
    await cp("simulator", join(root, "app/simulator"), {
      recursive: true,
      filter: (path) => !path.includes("testing"),
    });
    await writeFile(join(root, "app/package.json"), '{ "type": "module" }');
    await writeFile(join(root, "app/as-vllm.mjs"), AS_VLLM);
    await writeFile(join(root, "usr/bin/vllm"), VLLM, { mode: 0o755 });
    await mkdir(join(root, "tmp"));
    const [repo = "", tag = ""] = name.split(":");
    const query = new URLSearchParams({
      fromSrc: "-",
      repo,
      tag,
      changes: "ENV PATH=/usr/bin:/bin HOME=/tmp",
    });
    const tar = spawn("tar", ["-c", "--owner=0", "--group=0", "-C", root, "."], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await expectEngine(engine, `/images/create?${query}`, { method: "POST", tar: tar.stdout });
  } finally {
    await rm(root, { recursive: true });
  }
}

async function put(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
