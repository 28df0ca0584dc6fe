import { z } from "zod";
import type { Reading } from "./tools/reading.ts";

/** Answers of the Docker Engine API. */
export interface EngineReport {
  readonly version: unknown;
  readonly info: unknown;
  /** Every container, as `docker ps --all` knows it. */
  readonly listed: unknown;
  /** Those that run, as `docker inspect` shows them. */
  readonly running: unknown;
  /** By name; undefined: it has no such image. */
  readonly images: Readonly<Record<string, unknown>>;
}

const text = z.string().max(4096);

const version = z.object({ Version: text, ApiVersion: text, Arch: text });

const info = z.object({ DockerRootDir: text, SecurityOptions: z.array(text).nullish() });

const labels = z.record(z.string(), z.string()).nullish();

const listed = z.object({ Names: z.array(text), Labels: labels });

const container = z.object({
  Id: text,
  Name: text,
  Config: z.object({
    Labels: labels,
    Env: z.array(z.string()).nullish(),
    Cmd: z.array(z.string()).nullish(),
  }),
  HostConfig: z.object({
    Privileged: z.boolean().nullish(),
    Runtime: z.string().nullish(),
    Devices: z.array(z.object({ PathOnHost: text })).nullish(),
  }),
});

/** What is known of a host's Docker Engine. */
export interface Engine {
  readonly version: z.infer<typeof version>;
  readonly info: z.infer<typeof info>;
  /** Every container. */
  readonly listed: readonly z.infer<typeof listed>[];
  readonly running: readonly Container[];
  /** Architecture of each image that it has, by the name asked for. */
  readonly images: ReadonlyMap<string, string>;
}

export type Container = z.infer<typeof container>;

const engine = z.object({
  version,
  info,
  listed: z.array(listed),
  running: z.array(container),
  images: z.record(z.string(), z.object({ Architecture: text }).optional()),
});

export function readEngine(report: EngineReport): Reading<Engine> {
  const { success, data, error } = engine.safeParse(report);
  if (!success) {
    const path = error.issues[0]?.path.join(".") ?? "";
    return { unreadable: `what its Docker Engine says of ${path} is not what an engine says` };
  }
  const images = Object.entries(data.images).flatMap(([name, image]): [string, string][] =>
    image === undefined ? [] : [[name, image.Architecture]],
  );
  return { value: { ...data, images: new Map(images) } };
}
