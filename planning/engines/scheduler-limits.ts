import type { ContainerPlan } from "../plan.ts";
import { flagsIn } from "./flags.ts";

const MIB = 2 ** 20;
/** Of the whole process, and of each thread that serves. */
const BASE_MIB = 512;
const WORKER_MIB = 64;
const CONNECTION_BYTES = 64 * 1024;
/** What is held, and what of it was just given back. */
const BUFFERS = 2;

/** Its own defaults. */
const defaults = { workers: 1, "max-connections": 16_384, "max-buffered-bytes": 268_435_456 };

/**
 * The memory that the container of this repository's scheduler may have, by the flags that say what all requests together may.
 * Its files are left to the Docker Engine: one without root's rights starts no container with more than its own, and the
 * scheduler takes as many clients as it finds files for. Docker's provider knows no limit on processes; it starts none.
 */
export function schedulerLimits(args: readonly string[]): Pick<ContainerPlan, "memoryMib"> {
  const flags = flagsIn(args);
  const number = (name: keyof typeof defaults): number => {
    const value = flags.findLast((flag) => flag.name === name)?.value ?? "";
    // What is none the scheduler refuses to start with.
    return /^\d{1,13}$/.test(value) ? Number(value) : defaults[name];
  };
  const held = CONNECTION_BYTES * number("max-connections") + BUFFERS * number("max-buffered-bytes");
  return { memoryMib: BASE_MIB + WORKER_MIB * number("workers") + Math.ceil(held / MIB) };
}
