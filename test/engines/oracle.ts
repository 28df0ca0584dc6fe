import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../system/programs.ts";
import { cached } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { VLLM } from "../../toolchain/vllm/packages.ts";
import { type Answer, ask } from "./answers.ts";
import { CASES } from "./cases.ts";
import { startEngine } from "./rig.ts";

export type Oracle = Readonly<Record<string, Answer>>;

/** The folder of the tiny model with random weights: the same for the same script and version of vLLM. */
export function modelFolder(context: Context, venv: string): Promise<string> {
  const script = "toolchain/vllm/model.py";
  return cached(context, `engines/model-${digest([script])}-${VLLM}`, async (folder) => {
    context.say("making a tiny model");
    await run(join(venv, "bin/python"), [script, folder]);
  });
}

/** What one plain instance answers to every case, by the cases' names. */
export async function oracle(context: Context, venv: string, model: string): Promise<Oracle> {
  const sources = ["cases.ts", "answers.ts", "rig.ts"].map((name) => join(import.meta.dirname, name));
  const parts = ["model.safetensors", "tokenizer.json"].map((name) => join(model, name));
  const folder = await cached(context, `engines/oracle-${digest([...sources, ...parts])}`, async (made) => {
    context.say(`asking a plain instance ${CASES.length} times`);
    const engine = await startEngine("plain", { venv, model, logs: made });
    try {
      const answers: Record<string, Answer> = {};
      for (const one of CASES) answers[one.name] = await ask(engine.url, one);
      await writeFile(join(made, "answers.json"), JSON.stringify(answers));
    } finally {
      await engine.stop();
    }
  });
  return JSON.parse(await readFile(join(folder, "answers.json"), "utf8"));
}

function digest(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}
