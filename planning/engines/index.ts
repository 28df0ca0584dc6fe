import { z } from "zod";
import { ascendcloud } from "./ascendcloud.ts";
import type { EngineKind } from "./engine.ts";
import { simulated } from "./simulated.ts";
import { vllm } from "./vllm.ts";
import { vllmAscend } from "./vllm-ascend.ts";

export type EngineKinds = readonly [EngineKind, ...EngineKind[]];

/** Every kind of engine, in the order in which messages name them. A new kind is a file and a line here. */
export const engineKinds: EngineKinds = [ascendcloud, vllmAscend, vllm, simulated];

/** What a stack file says of its engine, and makes one of these kinds. */
export function engineSchemaOf(kinds: EngineKinds) {
  const names = kinds.map((kind) => `\`kind: ${kind.in.shape.kind.value}\``);
  return z
    .discriminatedUnion("kind", kinds)
    .describe(`what runs in a prefill or decode container, ${names.join(" or ")}`);
}

export const engineSchema = engineSchemaOf(engineKinds);
