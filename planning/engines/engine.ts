import type { z } from "zod";
import type { Extras, Instance, Layout } from "../layout.ts";
import type { ContainerPlan, FilePlan, MountPlan } from "../plan.ts";
import type { Handoff } from "./handoff.ts";
import type { Limits } from "./limits.ts";
import type { Mooncake } from "./mooncake.ts";
import type { PortRange } from "./port-range.ts";

/**
 * What runs in the prefill and decode containers of a stack: everything that depends on its kind and on what the stack
 * file says of it. Nothing else is left of that part of the file, so nobody can ask for the kind.
 */
export interface Engine {
  /** What the stack file adds for every instance. */
  readonly extras: Extras;
  /** What is particular to the container of a prefill or decode instance. */
  readonly container: ContainerOf;
  /** That of the manual's own scheduler (`scheduler.runtime: ascendcloud`); `none`: which engine has none, and why. */
  readonly manualScheduler: ContainerOf | { readonly none: string };
  /** How KV caches get from prefill to decode, for our scheduler. */
  readonly handoff: Handoff;
  /** Ports on which an instance listens besides its own; a range counts once for all instances of a host. */
  readonly claimedPorts: (instance: Instance) => readonly ClaimedPorts[];
  /** Device IPs, by NPU id, of a host with so many where the stack file gives none; an NPU in use must have one. */
  readonly deviceIps: (npus: number) => Readonly<Record<string, string>>;
  /** What the stack file mounts into every instance. */
  readonly mounts: readonly DeclaredMount[];
  /** What it says of the limits of an instance's container. */
  readonly limits: Limits;
  /** What every instance has besides of its host's driver and system, which no mount may hide. */
  readonly systemMounts: readonly MountPlan[];
  /** Folders of the image that no mount may hide or lie in. */
  readonly imageFolders: readonly string[];
  /** Whether KV caches only get from a prefill to a decode instance that has as many NPUs. */
  readonly wantsEqualDeviceCounts: boolean;
  /** Whether a prompt is computed in one step, so that a batch must hold the longest one. */
  readonly wantsWholePrompts: boolean;
  /** Whether it is public vLLM, without what the manual's line has: rank tables, batching policies, `/generate`. */
  readonly isPublic: boolean;
  /** Whether an instance has NPUs, real ones or what stands for them. */
  readonly takesNpus: boolean;
  /** Whether it runs nowhere but on NPUs; what runs anywhere is for the demo. */
  readonly needsNpus: boolean;
  /** Flags (`data-parallel-size`) and variables that it derives besides those of every engine, and from what. */
  readonly derived: { readonly args: Places; readonly env: Places };
  /** How an instance is over several hosts; `none`: of which engine it is on one, and why. */
  readonly overHosts: OverHosts | { readonly none: string };
  /** Where vllm-ascend's connectors hand over. */
  readonly mooncake: Mooncake | undefined;
}

/** Each host has whole data-parallel ranks. */
export interface OverHosts {
  /** NPUs of a rank. */
  readonly rankNpus: (layout: Pick<Layout, "instances">, instance: Instance) => number;
  /** What the ports of members are counted from. */
  readonly kvPort: number;
}

/** By the name of what is derived: where the stack file says what it is derived from. */
export type Places = Readonly<Record<string, string>>;

/** The schema of `engine` in a stack file, for one kind; it makes an Engine of what is written there. */
export type EngineKind = z.core.$ZodTypeDiscriminable &
  z.ZodType<Engine> & { readonly in: { readonly shape: { readonly kind: { readonly value: string } } } };

export type ContainerOf = (layout: Layout, instance: Instance, tables: Tables) => EngineContainer;

/** What is particular to the software in a container. */
export type EngineContainer = Omit<ContainerPlan, "name" | "role" | "host" | "npus" | "secretEnv" | "port">;

/** The rank tables of an instance, for a container that reads them; variables name them, and all ports. */
export interface Tables {
  readonly files: readonly FilePlan[];
  /** The one of them that is the instance's own. */
  readonly local: FilePlan;
  /** Where the keys of clients are, if any are asked for. */
  readonly keys?: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ClaimedPorts extends PortRange {
  /** Who listens there: `HCCL`. */
  readonly owner: string;
}

export interface DeclaredMount {
  /** Where the stack file declares it: `engine.mounts[0]`. */
  readonly path: string;
  readonly source: string;
  readonly target: string;
  /** Whether it must be a folder; else a file will do too. */
  readonly isFolder: boolean;
}
