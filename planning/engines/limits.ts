import { z } from "zod";
import type { ContainerPlan } from "../plan.ts";

/*
 * What Docker limits in an engine's containers, and may be too little: /dev/shm, by which the processes of an instance
 * exchange tensors and which Docker makes 64 MiB; the namespace of that memory; and resource limits.
 */

const ulimitNames = [
  ...["core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"],
  ...["rtprio", "rttime", "sigpending", "stack"],
] as const;

/** `fallback`: what an instance has where the stack file says nothing. */
export const containerLimits = (fallback: string) => ({
  sharedMemory: z
    .string()
    .regex(/^[1-9]\d{0,8}[mg]i?b?$/i, { error: "is not a size in MiB or GiB" })
    .describe(
      `size of an instance's /dev/shm, a number and m (MiB) or g (GiB), e.g. 16g, default ${fallback}; for \`ipc: private\``,
    )
    .optional(),
  ipc: z
    .enum(["private", "host"])
    .default("private")
    .describe(
      "whose shared memory an instance has: private (its own, of the size sharedMemory) or host (the host's, which a policy of this repository refuses), default private",
    ),
  ulimits: z
    .strictObject(Object.fromEntries(ulimitNames.map((name) => [name, z.int().min(-1).optional()])))
    .default({})
    .describe(
      "resource limits of an instance's processes by the name that `docker run --ulimit` has, soft and hard, -1 for none, e.g. { memlock: -1, nofile: 65536 }, default the Docker Engine's",
    ),
});

export interface Limits {
  readonly sharedMemory?: string | undefined;
  readonly ipc: "private" | "host";
  readonly ulimits: Readonly<Record<string, number | undefined>>;
}

/** That, for a container; Docker ignores the size of a /dev/shm that is the host's. */
export function limitsOf(
  { sharedMemory, ipc, ulimits }: Limits,
  fallbackMib?: number,
): Pick<ContainerPlan, "sharedMemoryMib" | "ipc" | "ulimits"> {
  const size = sharedMemory === undefined ? fallbackMib : mib(sharedMemory);
  const set = ulimitNames.flatMap((name) =>
    ulimits[name] === undefined ? [] : [[name, ulimits[name]] as const],
  );
  return {
    ...(ipc === "host" ? { ipc } : size !== undefined && { sharedMemoryMib: size }),
    ...(set.length > 0 && { ulimits: Object.fromEntries(set) }),
  };
}

const mib = (size: string): number => Number.parseInt(size, 10) * (/g/i.test(size) ? 1024 : 1);
