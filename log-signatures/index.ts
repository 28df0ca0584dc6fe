import type { Fault, LogSignature } from "./signature.ts";
import { container } from "./signatures/container.ts";
import { engine } from "./signatures/engine.ts";
import { handoff } from "./signatures/handoff.ts";
import { hccl } from "./signatures/hccl.ts";
import { machine } from "./signatures/machine.ts";
import { memory } from "./signatures/memory.ts";
import { model } from "./signatures/model.ts";
import { network } from "./signatures/network.ts";
import { npu } from "./signatures/npu.ts";

/** Every signature that is found in lines, in the order of the codes. A new one is a value in a file of its subject. */
export const logSignatures: readonly LogSignature[] = [
  ...machine,
  ...model,
  ...memory,
  ...network,
  ...hccl,
  ...npu,
  ...handoff,
  ...engine,
];

export const stateSignatures = container;

export const faults: readonly Fault[] = [...logSignatures, ...stateSignatures];
